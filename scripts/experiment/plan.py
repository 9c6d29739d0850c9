"""What an experiment runs and in which order, and whether it can answer at all. Pure.

A machine drifts: it warms up, a neighbour comes and goes. So every cell (one level of each factor)
has its turn once a block, each block has an order of its own, and only runs of one block are
compared with each other. The orders follow from a seed, which is kept with the results.

    for planned in plan.blocks(plan.cells(factors), reps=8, seed=793970): ...
"""

import dataclasses
import itertools
import random

import paired

#: Of every interval and verdict. At 95 % five of a hundred comparisons of a server with itself
#: alarm, and more than five in two series of five; at 99 % one does, and more than five in one
#: series of two thousand (docs/decisions/0011).
CONFIDENCE = 0.99


class TooSmall(Exception):
    """A design that could not reach a verdict whatever it measured; `needed` pairs could."""

    def __init__(self, message, needed):
        super().__init__(message)
        self.needed = needed


@dataclasses.dataclass(frozen=True)
class Factor:
    name: str
    end: str  #: server, client; setting: of neither program
    option: str | None
    levels: tuple[str, ...]

    @property
    def baseline(self):
        return self.levels[0]

    def as_json(self):
        return dataclasses.asdict(self) | {"levels": list(self.levels), "baseline": self.baseline}


@dataclasses.dataclass(frozen=True)
class Planned:
    """A run that is to be. `run` counts from 1 over the whole experiment, `place` in its block."""

    run: int
    block: int
    place: int
    cell: dict

    @property
    def key(self):
        return key_of(self.cell)


def key_of(cell):
    """A cell as something to look up by."""
    return tuple(sorted(cell.items()))


def cells(factors):
    """Full factorial, the last factor changing fastest."""
    names = [factor.name for factor in factors]
    levels = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip(names, each)) for each in levels]


def products(factors):
    """Each combination of the levels of factors as experiment.json holds them; none of none."""
    named = [Factor(one["name"], "", None, tuple(one["levels"])) for one in factors]
    return cells(named) if named else []


def matches(cell, part):
    return all(cell.get(name) == level for name, level in part.items())


def blocks(cells, reps, seed):
    """Every run of the experiment: each block has every cell once, in an order of its own."""
    planned = []
    for block in range(1, reps + 1):
        order = list(cells)
        random.Random(f"{seed} {block}").shuffle(order)
        for place, cell in enumerate(order, 1):
            planned.append(Planned(len(planned) + 1, block, place, cell))
    return planned


def comparisons_of(factors):
    """How many comparisons a full factorial design makes: each level with its factor's baseline."""
    return sum(len(factor.levels) - 1 for factor in factors)


def pairs_of(factors, reps):
    """The fewest pairs that any of these comparisons has, if every run is measured."""
    sizes = [len(factor.levels) for factor in factors if len(factor.levels) > 1]
    total = 1
    for size in sizes:
        total *= size
    return min((reps * (total // size) for size in sizes), default=reps)


def check_design(pairs, comparisons, confidence):
    """Raises TooSmall where even pairs that all agree would not reach a verdict."""
    if comparisons < 1:
        return
    alpha = 1 - confidence
    needed = paired.least_pairs(comparisons, confidence)
    if pairs < needed:
        raise TooSmall(
            f"{_some(pairs, 'pair')} cannot decide {_some(comparisons, 'comparison')}: their "
            f"smallest reachable p is {2 / 2**pairs:.2g}, Holm asks for {alpha / comparisons:.2g} "
            f"or less; that takes {needed} pairs",
            needed,
        )


def reps_for(factors, comparisons, confidence):
    """The fewest reps whose every comparison can reach a verdict."""
    needed = paired.least_pairs(comparisons, confidence)
    each = pairs_of(factors, 1)
    return -(-needed // each)


def _some(number, noun):
    return f"{number} {noun}" + ("" if number == 1 else "s")
