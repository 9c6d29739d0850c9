"""What a stack sweep found, as findings for the folder and as text for one screen. Pure.

The answer comes first: the smallest size at each depth, and what bears it out. A figure that was
not measured is "-".
"""

import dataclasses

from experiment import table

from . import memory, probing


@dataclasses.dataclass
class Results:
    """All that telling needs. `fits`: {touch: [fit.Row]}; `ends`: what bounds connections first."""

    experiment: dict
    runs: list
    depths: list
    fits: dict
    ends: tuple | None = None
    thp: str | None = None
    least: int = 16384
    page: int = 4096


def findings(results):
    """Findings as experiment.json keeps them."""
    return [
        finding("smallest", "The smallest stack that holds", answer(results), smallest(results)),
        finding("confirming", "The runs that bear it out", CONFIRMING, confirming(results)),
        finding("memory", "Memory of one connection", MEMORY, costs(results)),
        finding("flatness", "Whether the size matters", "\n".join(flatness(results)), growths(results)),
        finding("fit", "How many threads fit", fit_text(results), fits(results)),
        finding("kernel", "Beside what is known", KERNEL, beside(results)),
    ]


CONFIRMING = (
    "The painted run tells how deep the stacks were used; the run at the size named serves every "
    "connection, the run one page below dies of SIGSEGV on its guard page."
)
MEMORY = "Slopes over the number of connections, with their intervals; bytes."
KERNEL = "What docs/kernel-costs.md and the kernel's sources lead one to expect, and what was seen."


def finding(name, title, text, data):
    return {"name": name, "title": title, "text": text, "data": data}


# ---- the smallest size ---------------------------------------------------------------------------
def answer(results):
    """One sentence a depth, the first of which names who served how many."""
    many = f"{results.experiment['design'].get('connections', 0):,}"
    return f"With {many} connections: " + "; ".join(clause(one) for one in results.depths) + "."


def clause(depth):
    """"24K is the smallest stack that holds a handler of 16K (22,200 B used, 20K faults)"."""
    handler = f"a handler of {depth.touch}"
    found = depth.found
    if found is None or found.size is None:
        return f"for {handler} no size was found: {depth.why or 'no run told it'}"
    used = f"{depth.high:,} B used"
    if found.is_least and depth.high <= found.size - 4096:
        return f"{probing.kib(found.size)}, this platform's least, holds {handler} ({used})"
    if found.is_least:
        return f"{probing.kib(found.size)}, this platform's least, just holds {handler} ({used})"
    name = f"{probing.kib(found.size)} is the smallest stack that holds {handler}"
    if found.below is None:
        return f"{name} ({used}; unconfirmed: no smaller one could be tried)"
    return f"{name} ({used}; {probing.kib(found.below)} faults)"


def smallest(results):
    rows = []
    for depth in results.depths:
        found = depth.found
        size = found.size if found else None
        fit = results.fits.get(depth.touch) or []
        tightest = next((row for row in fit if row.most is not None), None)
        rows.append(
            [
                depth.touch,
                *(count(depth.p50), count(depth.p99), count(depth.high)),
                "-" if size is None else probing.kib(size),
                below(found),
                "-" if tightest is None else f"{tightest.most:,}",
                "-" if tightest is None else tightest.name,
            ]
        )
    heading = ["touched", "used p50", "p99", "max", "smallest", "a page below", "threads fit"]
    return {"columns": [*heading, "which limit"], "rows": rows}


def below(found):
    if found is None or found.size is None:
        return "-"
    if found.is_least:
        return "not possible"
    return "-" if found.below is None else f"{probing.kib(found.below)} faults"


def count(value):
    return "-" if value is None else f"{value:,}"


def confirming(results):
    rows = []
    for depth in results.depths:
        for run in depth.confirming:
            what = {"report": "painted"}.get(run.cell["probe"], "a size")
            did = {"measured": "served all", "faulted": "faulted"}.get(run.outcome, run.outcome)
            rows.append([depth.touch, what, run.cell["size"], run.run, did, run.why or ""])
    return {"columns": ["touched", "run of", "stack", "run", "outcome", "why"], "rows": rows}


# ---- memory --------------------------------------------------------------------------------------
def in_order(results):
    """(touch, stack) as they are to be read: by depth, then by size."""
    levels = {one["name"]: one["levels"] for one in results.experiment["design"]["factors"]}
    return [
        (touch, stack)
        for touch in levels["touch"]
        for stack in sorted(levels["stack"], key=probing.size_of)
    ]


def costs(results):
    """Rows with the intervals; cells that cannot be say so."""
    slopes = memory.slopes(results.experiment, results.runs)
    rows = []
    for cell in in_order(results):
        told = slopes.get(cell)
        if told:
            rows.append([*cell, *(with_interval(told.get(name)) for name in memory.figures(results.experiment))])
        else:
            rows.append([*cell, *[why_not(results, cell)], *["-"] * (len(memory.figures(results.experiment)) - 1)])
    return {"columns": ["touched", "stack", *memory.figures(results.experiment).values()], "rows": rows}


def why_not(results, cell):
    """What became of a cell that tells no slope."""
    touch, stack = cell
    outcomes = {
        run.outcome
        for run in results.runs
        if run.cell.get("touch") == touch and run.cell.get("stack") == stack
    } - {"measured"}
    if "infeasible" in outcomes:
        return "cannot hold it"
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
    """For a screen: human units, without intervals."""
    slopes = memory.slopes(results.experiment, results.runs)
    rows = []
    for cell in in_order(results):
        told = slopes.get(cell, {})
        if not told:
            rows.append([*cell, why_not(results, cell), *[""] * (len(memory.figures(results.experiment)) - 1)])
            continue
        values = (told[name].per_unit if name in told else None for name in memory.figures(results.experiment))
        rows.append([*cell, *(table.human(value, "B") for value in values)])
    return table.aligned(["touched", "stack", *memory.figures(results.experiment).values()], rows)


def unaccounted(results):
    """A line where the machine lost less memory than a connection is known to take."""
    slopes = memory.slopes(results.experiment, results.runs)
    short = [
        told["machine_b"].per_unit
        for told in slopes.values()
        if "machine_b" in told and (memory.parts(told) or 0) > told["machine_b"].per_unit
    ]
    if not short:
        return []
    return [
        f"Mind: in {len(short)} of {len(slopes)} rows the machine lost less memory than resident, page "
        "tables, kernel stack and slab add up to:",
        "the run before, or other programs, gave some back meanwhile. What fits is reckoned with the sum.",
    ]


# ---- whether the size matters --------------------------------------------------------------------
def primary(results):
    """resident_b, or what stands for it."""
    return next(iter(memory.figures(results.experiment)))


def flatness(results):
    """A line a figure and depth."""
    lines = []
    for figure in (primary(results), "page_tables_b", "virtual_b", "kernel_stack_b"):
        for one in memory.growths(results.experiment, results.runs, figure):
            lines.append(flat_text(one))
    return lines


def flat_text(one):
    name, where = memory.NAMES[one.figure].capitalize(), f"at {one.touch} touched"
    slope = "" if one.per_byte is None else f"{one.per_byte:.3g} B a byte of stack"
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
        return f"{name} {where}: no difference detectable, every size {within}; {slope}"
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
        return f"{name} {where}: flat but for {differs}, every size {within}; {slope}"
    return f"{name} {where}: grows, {differs}; {slope}"


#: Of a connection's cost: a difference that is certain, and that nobody would choose a size by.
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
            rows.append([memory.figures(results.experiment)[figure], one.touch, per_byte, flat, bound])
    heading = ["figure", "touched", "B a byte of stack", "no size differs", "largest B"]
    return {"columns": heading, "rows": rows}


# ---- what fits -----------------------------------------------------------------------------------
def fits(results):
    rows = []
    for depth in results.depths:
        for row in results.fits.get(depth.touch) or []:
            rows.append([depth.touch, row.name, count(row.most), row.source])
    return {"columns": ["touched", "limit", "threads", "read from"], "rows": rows}


def fit_text(results):
    """Which limit ends it, which comes next, and what memory would hold."""
    bounds = {}
    for depth in results.depths:
        rows = [row for row in results.fits.get(depth.touch) or [] if row.most is not None]
        if rows and depth.found and depth.found.size is not None:
            bounds[depth.touch] = probing.kib(depth.found.size), rows
    if not bounds:
        return "Not known: no size was found."
    tightest = {(rows[0].name, rows[0].most) for _, rows in bounds.values()}
    if len(tightest) == 1:
        _, rows = next(iter(bounds.values()))
        text = f"{rows[0].most:,} of each of these sizes, then {ends_it(rows)}"
    else:
        clauses = (
            f"{rows[0].most:,} of {size}, then {ends_it(rows)}" for size, rows in bounds.values()
        )
        text = ". ".join(clauses)
    memory_holds = [
        f"{row.most:,} ({size})" for size, rows in bounds.values() for row in rows if row.name == "memory"
    ]
    if memory_holds:
        text += ". Memory would hold " + ", ".join(memory_holds)
    if results.ends:
        text += f". Connections end at {results.ends[1]:,}, by {results.ends[0]}"
    return text + "."


def ends_it(rows):
    """"process ids (/proc/sys/kernel/pid_max); next memory maps, 32,715"."""
    text = f"{rows[0].name} ({rows[0].source})"
    return text + (f"; next {rows[1].name}, {rows[1].most:,}" if len(rows) > 1 else "")


# ---- beside what is known ------------------------------------------------------------------------
def beside(results):
    """Rows: known, seen."""
    slopes = memory.slopes(results.experiment, results.runs)
    shallow = min((touch for touch, _ in in_order(results)), key=probing.size_of)
    resident = _range(slopes, primary(results), shallow)
    kernel = _range(slopes, "kernel_stack_b")
    small = _range(slopes, "page_tables_b", largest=(2 << 20) - 1)
    large = _range(slopes, "page_tables_b", least=2 << 20)
    virtual = [
        one.per_byte
        for one in memory.growths(results.experiment, results.runs, "virtual_b")
        if one.per_byte is not None
    ]
    return {
        "columns": ["known", "seen"],
        "rows": [
            ["resident of a thread that echoes: 8,480 B", f"{resident}, {shallow} touched"],
            ["resident: the same for every stack size", flat_summary(results)],
            ["virtual: as much as the stack and its guard", _spread(virtual, "B a byte of stack")],
            ["page tables below 2 MiB: 4 KiB for each 2 MiB of stacks", small],
            ["page tables from 2 MiB on: 4 KiB, for the one table that is touched", large],
            ["kernel stack of a thread: 16,384 B", kernel],
            ["huge pages make a stack of 2 MiB resident whole", thp_text(results.thp)],
        ],
    }


def _range(slopes, figure, touch=None, least=0, largest=1 << 62):
    values = [
        told[figure].per_unit
        for (at, stack), told in slopes.items()
        if figure in told and touch in (None, at) and least <= probing.size_of(stack) <= largest
    ]
    return _spread(values, "B")


def _spread(values, unit):
    if not values:
        return "not measured"
    low, high = rounded(min(values)), rounded(max(values))
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def flat_summary(results):
    found = memory.growths(results.experiment, results.runs, primary(results))
    bounds = [one.bound for one in found if one.bound is not None]
    if not bounds:
        return "not measured, or too few blocks"
    shares = [one.share for one in found if one.share is not None]
    percent = f" ({100 * max(shares):.2g} %)" if shares else ""
    if max(bounds) < 0.5:
        return "the same at every size, to the byte"
    return f"within {rounded(max(bounds))} B of each other{percent}"


def thp_text(mode):
    return {
        None: "not told",
        "always": "transparent huge pages are always on: look at resident of 2M and more",
        "madvise": "transparent huge pages only where asked for (madvise), and no stack asks",
        "never": "transparent huge pages are off",
    }.get(mode, mode)


# ---- one screen ----------------------------------------------------------------------------------
def screen(results):
    """Lines: the answer, the table of depths, memory, flatness, what fits."""
    told = smallest(results)
    lines = [answer(results), "", *table.aligned(told["columns"], told["rows"])]
    lines += ["", "Memory of one connection, as the slope over n:", *cost_lines(results)]
    lines += unaccounted(results)
    lines += ["", *(line for line in flatness(results) if not line.startswith("Kernel"))]
    lines += ["", "Threads that fit: " + fit_text(results)]
    return lines
