"""The growth of a figure with a numeric factor, such as memory per connection over N. Pure.

One run's share includes the server's fixed part; the slope over several N does not.

    slope.over(folder.experiment, folder.runs(), "resident_b")
"""

import collections
import dataclasses
import itertools
import statistics

import paired

from . import plan


@dataclasses.dataclass
class Slope:
    """The growth of a figure per unit of a numeric factor, at given levels of the other factors."""

    figure: str
    factor: str
    given: dict
    blocks: int
    per_unit: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    text: str = ""

    def as_json(self):
        return dataclasses.asdict(self)


def over(experiment, runs, figure, factor="n"):
    """Slopes of a figure over a numeric factor, one for each combination of the other factors.

    In each block, the Theil-Sen estimate: the median of the slopes between all its runs. Over the
    blocks, the Hodges-Lehmann estimate with its exact interval. The block is the unit, because its
    runs are not independent.
    """
    design = experiment["design"]
    confidence = design.get("confidence", plan.CONFIDENCE)
    varied = {one["name"]: one for one in design["factors"]}
    if factor not in varied or len(varied[factor]["levels"]) < 2:
        return []
    others = [one for one in design["factors"] if one["name"] != factor]
    found = []
    for cell in plan.products(others) or [{}]:
        by_block = collections.defaultdict(list)
        for run in runs:
            value = run.figures.get(figure) if run.measured else None
            if value is not None and plan.matches(run.cell, cell):
                by_block[run.block].append((number_of(run.cell[factor]), value))
        each = [theil_sen(points) for points in by_block.values()]
        each = [slope for slope in each if slope is not None]
        found.append(_slope(figure, factor, cell, each, confidence, experiment))
    return found


def theil_sen(points):
    """The median slope between any two of (x, y); None if all have the same x."""
    between = [
        (y2 - y1) / (x2 - x1)
        for (x1, y1), (x2, y2) in itertools.combinations(points, 2)
        if x1 != x2
    ]
    return statistics.median(between) if between else None


def _slope(figure, factor, cell, each, confidence, experiment):
    found = Slope(figure, factor, cell, len(each))
    unit = experiment.get("figures", {}).get(figure, {}).get("unit", "")
    what = "connection" if factor == "n" else f"unit of {factor}"
    where = f" at {', '.join(f'{name} {level}' for name, level in cell.items())}" if cell else ""
    if not each:
        found.text = f"{figure}{where}: no block with two measured levels of {factor}"
        return found
    interval = paired.hodges_lehmann(each, confidence)
    found.per_unit, found.low, found.high = interval.estimate, interval.low, interval.high
    found.confidence = interval.confidence
    bounds = f"no interval below {paired.least_pairs(1, confidence)} blocks"
    if found.low is not None:
        bounds = f"{_round(found.low)} to {_round(found.high)}"
    blocks = f"{len(each)} blocks" if len(each) != 1 else "1 block"
    found.text = f"{figure}{where}: {_round(found.per_unit)} {unit} per {what} ({bounds}; {blocks})"
    return found


def _round(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def number_of(text):
    """A level as a number: 1000, 10k, 64K. Suffixes are decimal, as in the programs' counts."""
    text = str(text).strip()
    factor = {"k": 1e3, "m": 1e6}.get(text[-1:].lower())
    return float(text[:-1]) * factor if factor else float(text)
