"""Memory per connection by stack size and depth touched, and whether the size changes it.

Memory per connection is always a slope over several N (slope.over: Theil-Sen in each block,
Hodges-Lehmann over the blocks, exact interval), because one run's share includes the program's own
memory. Two results show whether a figure is flat over stack sizes: the differences of these slopes,
one per block, from the baseline size at equal depth; and the slope of the slopes, in bytes per byte
of stack.
"""

import collections
import dataclasses
import itertools
import statistics

import paired
from experiment import plan, slope

from . import probes

#: {figure: heading}. All are totals, so that their slope over N is the share of one connection.
FIGURES = {
    "resident_b": "resident",
    "virtual_b": "virtual",
    "page_tables_b": "page tables",
    "kernel_stack_b": "kernel stack",
    "slab_b": "slab, both ends",
    "machine_b": "machine, both ends",
}
#: The figures of a pool. Its threads exist before the first connection, so no growth includes their
#: kernel memory, and only the total includes their resident memory.
OF_POOLS = {"peak_resident_b": "resident", "virtual_b": "virtual", "page_tables_b": "page tables"}
NAMES = FIGURES | OF_POOLS
#: The known parts of a connection's memory; `machine_b` should be at least their sum.
PARTS = ("resident_b", "page_tables_b", "kernel_stack_b", "slab_b")
#: The largest fragment that a thread keeps once it has sent on TCP. Only free memory shows it
#: (docs/kernel-costs.md, task_frag).
SEND_FRAGMENT = 32 << 10


@dataclasses.dataclass(frozen=True)
class Growth:
    """Bytes per connection and byte of stack, at one depth; and the largest difference between a
    size and the baseline, with its interval and that size."""

    figure: str
    touch: str
    per_byte: float | None
    low: float | None
    high: float | None
    largest: paired.Interval | None
    at: str | None
    baseline: str
    bound: float | None  #: no size differs by more bytes, by all intervals together
    share: float | None  #: the bound, as a share of a connection's memory at the baseline

    @property
    def flat(self):
        """Whether no size differs: the interval contains 0. None: too few blocks."""
        if self.largest is None or self.largest.low is None:
            return None
        return self.largest.low <= 0 <= self.largest.high


def figures(experiment):
    """{figure: heading} of the experiment's figures per connection, the primary one first."""
    return OF_POOLS if experiment.get("primary") in OF_POOLS else FIGURES


def slopes(experiment, runs):
    """{(touch, stack): {figure: slope.Slope}} of the figures that were measured."""
    found = collections.defaultdict(dict)
    for figure in figures(experiment):
        for one in slope.over(experiment, runs, figure):
            if one.per_unit is not None:
                found[one.given["touch"], one.given["stack"]][figure] = one
    return dict(found)


def parts(of_cell):
    """The sum of PARTS in a cell's slopes, in bytes per connection; None if one is missing."""
    found = [of_cell[name].per_unit if name in of_cell else None for name in PARTS]
    return None if None in found else sum(found)


def bytes_each(slopes, touch):
    """A cautious estimate of the machine's memory per thread at a depth: the median over sizes of
    the larger of the free memory lost and the known parts with the send fragment. None: not
    measured."""
    each = []
    for (at, _), of_cell in slopes.items():
        lost = of_cell["machine_b"].per_unit if "machine_b" in of_cell else None
        known = parts(of_cell)
        known = None if known is None else known + SEND_FRAGMENT
        several = [one for one in (lost, known) if one is not None and one > 0]
        if at == touch and several:
            each.append(max(several))
    return statistics.median(each) if each else None


def per_block(experiment, runs, figure):
    """{(touch, stack): {block: slope over n}}."""
    points = collections.defaultdict(lambda: collections.defaultdict(list))
    for run in runs:
        value = run.figures.get(figure) if run.measured and "stack" in run.cell else None
        if value is not None:
            cell = run.cell["touch"], run.cell["stack"]
            points[cell][run.block].append((slope.number_of(run.cell["n"]), value))
    found = {}
    for cell, blocks in points.items():
        each = {block: slope.theil_sen(some) for block, some in blocks.items()}
        found[cell] = {block: slope for block, slope in each.items() if slope is not None}
    return found


def growths(experiment, runs, figure):
    """A Growth for each depth that was measured with two sizes or more."""
    design = experiment["design"]
    confidence = design.get("confidence", plan.CONFIDENCE)
    levels = {one["name"]: one["levels"] for one in design["factors"]}
    by_cell = per_block(experiment, runs, figure)
    found = []
    for touch in levels["touch"]:
        sizes = [stack for stack in levels["stack"] if by_cell.get((touch, stack))]
        if len(sizes) < 2:
            continue
        sizes_in_order = sorted(sizes, key=probes.size_of)
        baseline = levels["stack"][0] if levels["stack"][0] in sizes else sizes_in_order[0]
        # The intervals of all sizes must hold together, so each is wider (Bonferroni).
        of_all = 1 - (1 - confidence) / (len(sizes) - 1)
        differences = {
            stack: _difference(by_cell[touch, baseline], by_cell[touch, stack], of_all)
            for stack in sizes
            if stack != baseline
        }
        differences = {stack: one for stack, one in differences.items() if one is not None}
        at = max(differences, key=lambda stack: _weight(differences[stack]), default=None)
        ends = [end for one in differences.values() for end in (one.low, one.high)]
        bound = max(map(abs, ends)) if ends and None not in ends else None
        costs = statistics.median(by_cell[touch, baseline].values())
        share = bound / costs if bound is not None and costs > 0 else None
        found.append(
            Growth(
                *(figure, touch, *_per_byte(by_cell, touch, sizes, confidence)),
                *(differences.get(at), at, baseline, bound, share),
            )
        )
    return found


def _weight(interval):
    """Sort key: intervals that exclude 0 first, then by size of the difference."""
    differs = interval.low is not None and not interval.low <= 0 <= interval.high
    return differs, abs(interval.estimate)


def _difference(base, other, confidence):
    both = [other[block] - base[block] for block in base if block in other]
    return paired.hodges_lehmann(both, confidence) if both else None


def _per_byte(by_cell, touch, sizes, confidence):
    """The Theil-Sen slope over sizes in each block; over the blocks, Hodges-Lehmann."""
    blocks = set(itertools.chain.from_iterable(by_cell[touch, stack] for stack in sizes))
    each = []
    for block in blocks:
        points = [
            (probes.size_of(stack), by_cell[touch, stack][block])
            for stack in sizes
            if block in by_cell[touch, stack]
        ]
        growth = slope.theil_sen(points)
        if growth is not None:
            each.append(growth)
    if not each:
        return None, None, None
    interval = paired.hodges_lehmann(each, confidence)
    return interval.estimate, interval.low, interval.high


def levels_for(stacks, touches):
    """Stack sizes with the baseline first: the smallest that is at least twice the largest depth,
    or the largest one. The others follow by size."""
    ordered = sorted(stacks, key=probes.size_of)
    deepest = max(map(probes.size_of, touches))
    roomy = [stack for stack in ordered if probes.size_of(stack) >= 2 * deepest]
    baseline = roomy[0] if roomy else ordered[-1]
    return (baseline, *(stack for stack in ordered if stack != baseline))


def factors(stacks, touches, connections):
    """The factors of the sweep: sizes, depths, and three N for the slope."""
    several = sorted({max(connections // 4, 1), max(connections // 2, 1), connections})
    return [
        plan.Factor("stack", "server", "--stack-size", levels_for(stacks, touches)),
        plan.Factor("touch", "server", "--touch-stack", tuple(touches)),
        plan.Factor("n", "client", "--connections", tuple(map(str, reversed(several)))),
    ]
