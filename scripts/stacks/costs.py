"""Memory per connection, and whether the stack size changes it, as rows and lines of text. Pure.

`results` is a results_text.Results; the figures come from memory.py. "-": not measured.
"""

from experiment import table

from . import memory, probes


def in_order(results):
    """All (touch, stack), sorted by depth, then by size."""
    levels = {one["name"]: one["levels"] for one in results.experiment["design"]["factors"]}
    return [
        (touch, stack)
        for touch in levels["touch"]
        for stack in sorted(levels["stack"], key=probes.size_of)
    ]


def figures_of(results):
    return memory.figures(results.experiment)


def rows_of(results):
    """Rows with intervals; a cell without a slope gives the reason."""
    slopes, figures = memory.slopes(results.experiment, results.runs), figures_of(results)
    rows = []
    for cell in in_order(results):
        of_cell = slopes.get(cell)
        if of_cell:
            rows.append([*cell, *(with_interval(of_cell.get(name)) for name in figures)])
        else:
            rows.append([*cell, *[why_not(results, cell)], *["-"] * (len(figures) - 1)])
    return {"columns": ["touched", "stack", *figures.values()], "rows": rows}


def why_not(results, cell):
    """Why a cell has no slope."""
    touch, stack = cell
    outcomes = {
        run.outcome
        for run in results.runs
        if run.cell.get("touch") == touch and run.cell.get("stack") == stack
    } - {"measured"}
    if "infeasible" in outcomes:
        return "too small"
    return ", ".join(sorted(outcomes)) or "not measured"


def with_interval(slope):
    if slope is None:
        return "-"
    if slope.low is None:
        return rounded(slope.per_unit)
    return f"{rounded(slope.per_unit)} ({rounded(slope.low)} to {rounded(slope.high)})"


def rounded(value):
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.3g}"


def cost_lines(results):
    """Lines for the screen: values with units, without intervals."""
    slopes, figures = memory.slopes(results.experiment, results.runs), figures_of(results)
    rows = []
    for cell in in_order(results):
        of_cell = slopes.get(cell, {})
        if not of_cell:
            rows.append([*cell, why_not(results, cell), *[""] * (len(figures) - 1)])
            continue
        values = (of_cell[name].per_unit if name in of_cell else None for name in figures)
        rows.append([*cell, *(table.human(value, "B") for value in values)])
    return table.aligned(["touched", "stack", *figures.values()], rows)


def unaccounted(results):
    """Lines, if the machine lost less memory than a connection's known parts add up to."""
    slopes = memory.slopes(results.experiment, results.runs)
    short = [
        of_cell["machine_b"].per_unit
        for of_cell in slopes.values()
        if "machine_b" in of_cell and (memory.parts(of_cell) or 0) > of_cell["machine_b"].per_unit
    ]
    if not short:
        return []
    return [
        f"Note: in {len(short)} of {len(slopes)} rows the machine lost less memory than the sum of "
        "resident, page tables, kernel stack and slab,",
        "because the run before or other programs freed some. The number of threads that fit is "
        "computed from the sum.",
    ]


# ---- whether the size matters --------------------------------------------------------------------
def primary(results):
    """resident_b, or peak_resident_b for a pool."""
    return next(iter(memory.figures(results.experiment)))


def flatness(results):
    """One line per figure and depth."""
    lines = []
    for figure in (primary(results), "page_tables_b", "virtual_b", "kernel_stack_b"):
        for one in memory.growths(results.experiment, results.runs, figure):
            lines.append(flat_text(one))
    return lines


def flat_text(one):
    name, where = memory.NAMES[one.figure].capitalize(), f"at {one.touch} touched"
    slope = "" if one.per_byte is None else f"{one.per_byte:.3g} B per byte of stack"
    if one.low is not None:
        slope += f" ({one.low:.3g} to {one.high:.3g})"
    if one.flat is None or one.largest is None:
        return f"{name} {where}: {slope}; too few blocks for an interval"
    within = f"within {rounded(one.bound)} B of {one.baseline}" + (
        f", {100 * one.share:.2g} %" if one.share is not None else ""
    )
    if one.flat and one.bound < 0.5:
        return f"{name} {where}: flat, the same at every size; {slope}"
    if one.flat and (one.share is None or one.share > SMALL):
        return f"{name} {where}: no detectable difference, every size {within}; {slope}"
    if one.flat:
        return f"{name} {where}: flat, every size {within}; {slope}"
    low, high = sorted((one.largest.low, one.largest.high))
    more = "more" if one.largest.estimate > 0 else "less"
    if one.largest.estimate < 0:
        low, high = -high, -low
    differs = (
        f"{one.at} takes {rounded(abs(one.largest.estimate))} B {more} than {one.baseline} "
        f"({rounded(low)} to {rounded(high)})"
    )
    if one.share is not None and one.share < SMALL:
        return f"{name} {where}: flat, except that {differs}; every size {within}; {slope}"
    return f"{name} {where}: grows, {differs}; {slope}"


#: Share of a connection's cost. A smaller difference is real but too small to choose a size by.
SMALL = 0.02


def growths(results):
    rows = []
    for figure in memory.figures(results.experiment):
        for one in memory.growths(results.experiment, results.runs, figure):
            if one.per_byte is None or one.low is None:
                continue
            flat = {True: "yes", False: "no", None: "-"}[one.flat]
            per_byte = f"{one.per_byte:.3g} ({one.low:.3g} to {one.high:.3g})"
            bound = "-" if one.bound is None else rounded(one.bound)
            rows.append([memory.NAMES[figure], one.touch, per_byte, flat, bound])
    heading = ["figure", "touched", "B per byte of stack", "no size differs", "largest B"]
    return {"columns": heading, "rows": rows}
