"""The runs by cell. A cell is one combination of the factors' levels; the run is the unit.

Levels keep the order of the design. Levels that the design does not name follow in the order of the
runs. Only measured runs enter a median.
"""

import dataclasses
import math
import statistics

import paired
from experiment import figures, plan

from . import fields, units

#: The main figures beside the primary one, in this order, as far as the runs have them.
MAIN = {
    "time": (
        "server_ns_per_echo",
        "both_ns_per_echo",
        "echoes_per_s",
        "echo_p50_ns",
        "echo_p99_ns",
        "connect_p99_ns",
        "ramp_s",
        "resident_b_per_connection",
        "kernel_b_per_connection",
    ),
    "memory": (
        "resident_b_per_connection",
        "page_tables_b",
        "virtual_b",
        "kernel_stack_b_per_connection",
        "kernel_b_per_connection",
        "machine_b_per_connection",
        "resident_b",
        "threads",
        "echoes_per_s",
        "server_ns_per_echo",
    ),
}
MAIN_COUNT = 7
HEADINGS = {
    "server_ns_per_echo": "CPU per echo, server",
    "client_ns_per_echo": "CPU per echo, client",
    "both_ns_per_echo": "CPU per echo, both ends",
    "server_by_client": "CPU per echo, server by client",
    "echoes_per_s": "echoes",
    "echoes_per_wait": "echoes per wait",
    "connects_per_s": "connects",
    "ramp_s": "time to establish all",
    "connect_p50_ns": "connect p50",
    "connect_p99_ns": "connect p99",
    "echo_p50_ns": "echo p50",
    "echo_p99_ns": "echo p99",
    "resident_b": "resident, server",
    "peak_resident_b": "largest resident, server",
    "resident_b_per_connection": "resident per connection",
    "virtual_b": "address space",
    "page_tables_b": "page tables",
    "kernel_stack_b": "kernel stacks",
    "slab_b": "slab",
    "kernel_b": "kernel, both ends",
    "machine_b": "free memory lost",
    "kernel_stack_b_per_connection": "kernel stack per connection",
    "slab_b_per_connection": "slab per connection",
    "kernel_b_per_connection": "kernel per connection, both ends",
    "machine_b_per_connection": "free memory lost per connection",
    "listen_overflows": "listen overflows",
    "listen_drops": "listen drops",
}


@dataclasses.dataclass(frozen=True)
class Factor:
    name: str
    levels: tuple
    baseline: str
    option: str | None = None
    end: str | None = None


@dataclasses.dataclass
class Cell:
    key: tuple
    levels: dict
    runs: list

    @property
    def measured(self):
        return [run for run in self.runs if run.measured]

    def values(self, figure):
        return [run.figures[figure] for run in self.measured if figure in run.figures]

    def median(self, figure):
        values = self.values(figure)
        return statistics.median(values) if values else None

    def typical(self, figure):
        """The median run by a figure. It represents the cell where a curve needs one run. Where
        the figure is missing: the first measured run, else the first run."""
        known = sorted((run.figures[figure], run.run, run) for run in self.measured if figure in run.figures)
        if known:
            return known[(len(known) - 1) // 2][2]
        return next(iter(self.measured or self.runs), None)


@dataclasses.dataclass(frozen=True)
class Interval:
    low: float
    high: float


@dataclasses.dataclass
class Grid:
    """All cells, and their layout: by the main factor, and by all others together."""

    factors: list  #: those with several levels
    constant: list
    cells: list
    primary: str
    about: dict  #: figure name -> figures.Figure
    confidence: float

    @property
    def main(self):
        return self.factors[0] if self.factors else None

    @property
    def others(self):
        return self.factors[1:]

    def facets(self):
        """[(title, {factor: level} of the others, cells in the order of the main factor)]."""
        found = {}
        for cell in self.cells:
            given = tuple(cell.levels.get(factor.name, "") for factor in self.others)
            found.setdefault(given, []).append(cell)
        order = sorted(found, key=lambda given: self._places(self.others, given))
        for given in order:
            levels = dict(zip((factor.name for factor in self.others), given))
            title = ", ".join(f"{name} {level}" for name, level in levels.items())
            yield title, levels, found[given]

    def _places(self, factors, key):
        return [_place(factor.levels, level) for factor, level in zip(factors, key)]

    def label(self, cell):
        """The name of a cell within a facet."""
        return cell.levels.get(self.main.name, "") if self.main else "all runs"

    def name(self, cell):
        return ", ".join(f"{f.name} {cell.levels.get(f.name, '-')}" for f in self.factors) or "all runs"

    def colour(self, cell):
        """A level has the same hue everywhere on the page."""
        return _place(self.main.levels, self.label(cell)) if self.main else 0

    def unit(self, figure):
        return self.about[figure].unit if figure in self.about else "1"

    def words(self, figure):
        return self.about[figure].about if figure in self.about else figure

    def heading(self, figure):
        """A short name for the head of a column."""
        return HEADINGS.get(figure) or self.words(figure)

    def level(self, cell):
        """The level in a legend; a number is preceded by the name of its factor."""
        label = self.label(cell)
        number = units.quantity(label) is not None or label in ("on", "off")
        return f"{self.main.name} {label}" if self.main and number else label

    def has_figure(self, figure):
        return any(cell.values(figure) for cell in self.cells)

    def main_figures(self):
        """The primary figure, and the main ones beside it."""
        family = "memory" if self.unit(self.primary) == "B" else "time"
        wanted = [self.primary, *(name for name in MAIN[family] if name != self.primary)]
        return [name for name in wanted if self.has_figure(name)][:MAIN_COUNT]

    def other_figures(self):
        main = self.main_figures()
        return [name for name in self.about if name not in main and self.has_figure(name)]

    def interval(self, values):
        """The exact interval of the centre of `values` (paired.py); None with too few values."""
        if len(values) < 2:
            return None
        logs = all(value > 0 for value in values)
        found = paired.hodges_lehmann([math.log(v) for v in values] if logs else values, self.confidence)
        if found.low is None:
            return None
        back = math.exp if logs else float
        return Interval(back(found.low), back(found.high))


def _place(levels, level):
    return levels.index(level) if level in levels else len(levels)


def grid(material):
    told = material.experiment
    factors = list(_factors(told, material.runs))
    varying = [factor for factor in factors if len(factor.levels) > 1]
    constant = [factor for factor in factors if len(factor.levels) == 1]
    names = [factor.name for factor in factors]
    found = {}
    for run in material.runs:
        # A run outside of the design, such as a probe, has no cell; "findings" holds its result.
        if all(name in run.cell for name in names):
            found.setdefault(tuple(run.cell[name] for name in names), []).append(run)
    order = sorted(found, key=lambda key: [_place(f.levels, level) for f, level in zip(factors, key)])
    cells = [Cell(key, dict(zip(names, key)), found[key]) for key in order]
    about = _about(told, cells)
    primary = told.get("primary")
    if not isinstance(primary, str) or primary not in about:
        primary = next(iter(about), "server_ns_per_echo")
    confidence = fields.number_at(told, "design", "confidence") or plan.CONFIDENCE
    confidence = confidence if 0.5 <= confidence < 1 else plan.CONFIDENCE
    return Grid(varying, constant, cells, primary, about, confidence)


def _factors(told, runs):
    names = set()
    for factor in fields.list_at(told, "design", "factors"):
        name = fields.text_at(factor, "name")
        if not name or name in names:
            continue
        names.add(name)
        levels = list(dict.fromkeys(str(level) for level in fields.list_at(factor, "levels")))
        levels += [level for level in _levels_of(runs, name) if level not in levels]
        if levels:
            baseline = str(factor.get("baseline", levels[0]))
            option, end = fields.text_at(factor, "option"), fields.text_at(factor, "end")
            yield Factor(name, tuple(levels), baseline, option, end)
    if names:
        return
    for name in dict.fromkeys(name for run in runs for name in run.cell):
        levels = _levels_of(runs, name)
        yield Factor(name, tuple(levels), levels[0])


def _levels_of(runs, name):
    return list(dict.fromkeys(run.cell[name] for run in runs if name in run.cell))


def _about(told, cells):
    """The figures that the page knows: the project's, and those that the folder declares."""
    known = dict(figures.FIGURES)
    declared = fields.at(told, "figures")
    for name, entry in declared.items() if isinstance(declared, dict) else ():
        unit, better = fields.text_at(entry, "unit") or "1", fields.text_at(entry, "better")
        words = fields.text_at(entry, "about") or name
        known[name] = figures.Figure(name, unit, better, words)
    for cell in cells:
        for run in cell.runs:
            for name in run.figures:
                known.setdefault(name, figures.Figure(name, "1", None, name))
    return known
