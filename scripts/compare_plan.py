"""What scripts/compare-models runs, in which order, and how long the rest will take. Pure.

A machine drifts: it warms up, and other loads come and go. So every cell of the table runs once per
round, and each round has a different order: otherwise the same model would always run after the
largest one and find what it left behind. The orders follow from a seed, which is stored with the
results.
"""

import dataclasses
import itertools
import random
import re

from experiment import arguments

MODES = ("stream", "churn")
#: Seconds of a run outside its window: start, ramp, drain, end of both programs, and until the
#: kernel has freed their memory. Estimates that weigh the cells of the first round.
USUAL_OVERHEAD = 0.7
USUAL_PER_CONNECTION = 2e-4


@dataclasses.dataclass(frozen=True)
class Cell:
    """One row of a table; it runs once per round."""

    model: str  #: PROGRAM:MODEL
    mode: str
    connections: int


def cells_of(models, modes, connections):
    """In the order of the tables."""
    places = itertools.product(modes, connections, models)
    return [Cell(model, mode, n) for mode, n, model in places]


def round_of(cells, seed, number):
    """The cells in the order of round `number`, which follows from seed and cells."""
    shuffled = list(cells)
    random.Random(f"{seed} {number}").shuffle(shuffled)
    return shuffled


class Forecast:
    """How long runs will take, from those before."""

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
        """Its longest time if it has run; else a guess, scaled by the error of the guesses so far."""
        if cell in self.took:
            return self.took[cell]
        off = self.took_so_far / self.expected_so_far if self.expected_so_far else 1.0
        return self.guess(cell) * off

    def of_all(self, cells):
        return sum(map(self.of, cells))


def count(text):
    """A number of connections: 10000, 10k, 1M."""
    found = re.fullmatch(r"([0-9]{1,12})([kKmM]?)", text)
    number = int(found[1]) * {"": 1, "k": 1000, "m": 10**6}[found[2].lower()] if found else 0
    if number < 1:
        raise ValueError(f"'{text}': 1 or more, such as 100 or 10k")
    return number


def seconds(text):
    """A duration above 0: 90, 90s, 30m, 1h30m."""
    value = arguments.duration_of(text)
    if value <= 0:
        raise ValueError(f"'{text}': must be above 0, such as 90s, 30m or 1h30m")
    return value


def duration_text(total):
    """45 s, 3 min 20 s, 1 h 05 min."""
    total = round(total)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02d} s"
    return f"{total // 3600} h {total % 3600 // 60:02d} min"
