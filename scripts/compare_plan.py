"""What scripts/compare-models runs, in which order, and how long the rest will take. Pure.

A machine drifts: it warms up, a neighbour comes and goes. So every cell of the table has its turn
once a round, and each round has another order, or the model that always runs behind the largest one
would always find its leftovers. The orders follow from a seed, which is kept with the results.
"""

import dataclasses
import itertools
import random
import re

MODES = ("stream", "churn")
UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600}
#: A run beside its window: start, ramp, drain, both ends' ends, the kernel's tidying up. Seconds,
#: before any was seen: they only weigh the first round's cells against each other.
USUAL_OVERHEAD = 0.7
USUAL_PER_CONNECTION = 2e-4


@dataclasses.dataclass(frozen=True)
class Cell:
    """One place of the table: its runs are repeated, a round after the other."""

    model: str  #: PROGRAM:MODEL
    mode: str
    connections: int


def cells_of(models, modes, connections):
    """In the order in which the table shows them."""
    places = itertools.product(modes, connections, models)
    return [Cell(model, mode, n) for mode, n, model in places]


def round_of(cells, seed, number):
    """The cells in the order of round `number`, the same whenever seed and cells are."""
    shuffled = list(cells)
    random.Random(f"{seed} {number}").shuffle(shuffled)
    return shuffled


class Forecast:
    """How long runs will take, from those that were seen."""

    def __init__(self, window):
        self.window = window  # seconds of traffic in each run, warm-up included
        self.took = {}  # cell: seconds of its longest run
        self.expected_so_far = 0.0
        self.took_so_far = 0.0

    def guess(self, cell):
        return self.window + USUAL_OVERHEAD + USUAL_PER_CONNECTION * cell.connections

    def saw(self, cell, seconds):
        self.took[cell] = max(seconds, self.took.get(cell, 0))
        self.expected_so_far += self.guess(cell)
        self.took_so_far += seconds

    def of(self, cell):
        """Its own time where it has run; else a guess, corrected by how far guesses were off."""
        if cell in self.took:
            return self.took[cell]
        off = self.took_so_far / self.expected_so_far if self.expected_so_far else 1.0
        return self.guess(cell) * off

    def of_all(self, cells):
        return sum(map(self.of, cells))


def count(text):
    """A number of connections: 10000, 10k, 1M."""
    found = re.fullmatch(r"(\d+)([kKmM]?)", text)
    number = int(found[1]) * {"": 1, "k": 1000, "m": 10**6}[found[2].lower()] if found else 0
    if number < 1:
        raise ValueError(f"'{text}': 1 or more, such as 100 or 10k")
    return number


def seconds(text):
    """A duration: 90, 90s, 30m, 1.5h."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text)
    if not found or found[2] not in UNITS or float(found[1]) <= 0:
        raise ValueError(f"'{text}': a duration above 0, such as 90s, 30m or 1.5h")
    return float(found[1]) * UNITS[found[2]]


def duration_text(total):
    """45 s, 3 min 20 s, 1 h 05 min."""
    total = round(total)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    return f"{total // 3600} h {total % 3600 // 60:02d} min"
