"""The runs of an experiment, their order, and whether they can reach a verdict. Pure.

A machine drifts: it warms up, and other virtual machines come and go. Therefore every cell (one
level of each factor) runs once per block, each block has its own order, and only runs of the same
block are compared. The orders follow from a seed, which is stored with the results.

    for planned in plan.blocks(plan.cells(factors), reps=8, seed=793970): ...
"""

import dataclasses
import itertools
import random

import paired

#: Default confidence of intervals and verdicts. At 95 %, five of a hundred comparisons of a server
#: with itself are false alarms, and two series in five have more than five. At 99 %, one is, and
#: one series in two thousand has more than five (docs/decisions/0011).
CONFIDENCE = 0.99


class TooSmall(Exception):
    """A design that cannot reach a verdict, whatever it measures. It needs `needed` pairs."""

    def __init__(self, message, needed):
        super().__init__(message)
        self.needed = needed


@dataclasses.dataclass(frozen=True)
class Factor:
    name: str
    end: str  #: server or client; setting: an option of neither program
    option: str | None
    levels: tuple[str, ...]

    @property
    def baseline(self):
        return self.levels[0]

    def as_json(self):
        return dataclasses.asdict(self) | {"levels": list(self.levels), "baseline": self.baseline}


@dataclasses.dataclass(frozen=True)
class Planned:
    """A planned run. `run` counts from 1 over the experiment, `place` from 1 over its block."""

    run: int
    block: int
    place: int
    cell: dict

    @property
    def key(self):
        return key_of(self.cell)


def key_of(cell):
    """A cell as a dictionary key."""
    return tuple(sorted(cell.items()))


def cells(factors):
    """The full factorial design. The last factor changes fastest."""
    names = [factor.name for factor in factors]
    levels = itertools.product(*(factor.levels for factor in factors))
    return [dict(zip(names, each)) for each in levels]


def products(factors):
    """All combinations of the levels of factors from experiment.json; [] without factors."""
    named = [Factor(one["name"], "", None, tuple(one["levels"])) for one in factors]
    return cells(named) if named else []


def matches(cell, part):
    return all(cell.get(name) == level for name, level in part.items())


def blocks(cells, reps, seed):
    """All runs of the experiment: each block has every cell once, in its own order."""
    planned = []
    for block in range(1, reps + 1):
        order = list(cells)
        random.Random(f"{seed} {block}").shuffle(order)
        for place, cell in enumerate(order, 1):
            planned.append(Planned(len(planned) + 1, block, place, cell))
    return planned


def comparisons_of(factors):
    """The number of comparisons of a full factorial design: each level with its baseline."""
    return sum(len(factor.levels) - 1 for factor in factors)


def pairs_of(factors, reps):
    """The smallest number of pairs of any comparison, if every run is measured."""
    sizes = [len(factor.levels) for factor in factors if len(factor.levels) > 1]
    total = 1
    for size in sizes:
        total *= size
    return min((reps * (total // size) for size in sizes), default=reps)


def check_design(pairs, comparisons, confidence):
    """Raises TooSmall if even pairs that all agree cannot reach a verdict."""
    if comparisons < 1:
        return
    alpha = 1 - confidence
    needed = paired.least_pairs(comparisons, confidence)
    if pairs < needed:
        raise TooSmall(
            f"{_some(pairs, 'pair')} cannot decide {_some(comparisons, 'comparison')}: the "
            f"smallest possible p is {2 / 2**pairs:.2g}, Holm's method needs "
            f"{alpha / comparisons:.2g} or less, which takes {needed} pairs",
            needed,
        )


def reps_for(factors, comparisons, confidence):
    """The smallest number of reps with which every comparison can reach a verdict."""
    needed = paired.least_pairs(comparisons, confidence)
    each = pairs_of(factors, 1)
    return -(-needed // each)


def _some(number, noun):
    return f"{number} {noun}" + ("" if number == 1 else "s")
