"""The results of a stack sweep, as sections for the folder and as text for one screen. Pure.

The answer comes first: the smallest size at each depth and the runs that confirm it. "-": not
measured.
"""

import dataclasses

from experiment import table

from . import costs, memory, probes


@dataclasses.dataclass
class Results:
    """All data of the text. `fits`: {touch: [fit.Row]}; `connection_bound`: (name, most) of the
    tightest limit of connections."""

    experiment: dict
    runs: list
    depths: list
    fits: dict
    connection_bound: tuple | None = None
    thp: str | None = None
    least: int = 16384
    page: int = 4096


def findings(results):
    """The sections of the results, in the format of experiment.json."""
    return [
        finding("smallest", "The smallest stack that holds", answer(results), smallest(results)),
        finding("confirming", "The runs that confirm it", CONFIRMING, confirming(results)),
        finding("memory", "Memory per connection", MEMORY, costs.rows_of(results)),
        finding(
            *("flatness", "Whether the size matters", "\n".join(costs.flatness(results))),
            costs.growths(results),
        ),
        finding("fit", "How many threads fit", fit_text(results), fits(results)),
        finding("kernel", "Expected and measured", KERNEL, expected(results)),
    ]


CONFIRMING = (
    "The painted run measures how much of each stack was used. The run at the smallest size serves "
    "every connection; the run one page below dies of SIGSEGV on its guard page."
)
MEMORY = "Slopes over the number of connections with their intervals, in bytes."
KERNEL = "What docs/kernel-costs.md and the kernel's sources predict, and what was measured."


def finding(name, title, text, data):
    return {"name": name, "title": title, "text": text, "data": data}


# ---- the smallest size ---------------------------------------------------------------------------
def answer(results):
    """One clause per depth, after the number of connections."""
    many = f"{results.experiment['design'].get('connections', 0):,}"
    return f"With {many} connections: " + "; ".join(clause(one) for one in results.depths) + "."


def clause(depth):
    """"24K is the smallest stack that holds a handler of 16K (22,200 B used; 20K faults)"."""
    handler = f"a handler of {depth.touch}"
    found = depth.found
    if found is None or found.size is None:
        return f"no size was found for {handler}: {depth.why or 'no run reported it'}"
    used = f"{depth.high:,} B used"
    if found.is_least and depth.high <= found.size - 4096:
        return f"{probes.kib(found.size)}, this platform's minimum, holds {handler} ({used})"
    if found.is_least:
        return f"{probes.kib(found.size)}, this platform's minimum, just holds {handler} ({used})"
    name = f"{probes.kib(found.size)} is the smallest stack that holds {handler}"
    if found.below is None:
        return f"{name} ({used}; unconfirmed, because no smaller one could be tried)"
    return f"{name} ({used}; {probes.kib(found.below)} faults)"


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
                "-" if size is None else probes.kib(size),
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
    return "-" if found.below is None else f"{probes.kib(found.below)} faults"


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


# ---- what fits -----------------------------------------------------------------------------------
def fits(results):
    rows = []
    for depth in results.depths:
        for row in results.fits.get(depth.touch) or []:
            rows.append([depth.touch, row.name, count(row.most), row.source])
    return {"columns": ["touched", "limit", "threads", "read from"], "rows": rows}


def fit_text(results):
    """The tightest limit of threads, the next one, and how many threads memory would hold."""
    bounds = {}
    for depth in results.depths:
        rows = [row for row in results.fits.get(depth.touch) or [] if row.most is not None]
        if rows and depth.found and depth.found.size is not None:
            bounds[depth.touch] = probes.kib(depth.found.size), rows
    if not bounds:
        return "Unknown, because no size was found."
    tightest = {(rows[0].name, rows[0].most) for _, rows in bounds.values()}
    if len(tightest) == 1:
        _, rows = next(iter(bounds.values()))
        text = f"{rows[0].most:,} of each of these sizes, limited by {bound_text(rows)}"
    else:
        clauses = (
            f"{rows[0].most:,} of {size}, limited by {bound_text(rows)}"
            for size, rows in bounds.values()
        )
        text = ". ".join(clauses)
    memory_holds = [
        f"{row.most:,} ({size})"
        for size, rows in bounds.values()
        for row in rows
        if row.name == "memory"
    ]
    if memory_holds:
        text += ". Memory would hold " + ", ".join(memory_holds)
    if results.connection_bound:
        name, most = results.connection_bound
        text += f". Connections are limited to {most:,} by {name}"
    return text + "."


def bound_text(rows):
    """"process ids (/proc/sys/kernel/pid_max); next limit: memory maps, 32,715"."""
    text = f"{rows[0].name} ({rows[0].source})"
    return text + (f"; next limit: {rows[1].name}, {rows[1].most:,}" if len(rows) > 1 else "")


# ---- expected and measured -----------------------------------------------------------------------
def expected(results):
    """Rows: expected, measured."""
    slopes = memory.slopes(results.experiment, results.runs)
    shallow = min((touch for touch, _ in costs.in_order(results)), key=probes.size_of)
    resident = _range(slopes, costs.primary(results), shallow)
    kernel = _range(slopes, "kernel_stack_b")
    small = _range(slopes, "page_tables_b", largest=(2 << 20) - 1)
    large = _range(slopes, "page_tables_b", least=2 << 20)
    virtual = [
        one.per_byte
        for one in memory.growths(results.experiment, results.runs, "virtual_b")
        if one.per_byte is not None
    ]
    return {
        "columns": ["expected", "measured"],
        "rows": [
            ["resident per thread that echoes: 8,480 B", f"{resident}, {shallow} touched"],
            ["resident: the same for every stack size", flat_summary(results)],
            ["virtual: the stack and its guard", _spread(virtual, "B per byte of stack")],
            ["page tables below 2 MiB: 4 KiB per 2 MiB of stacks", small],
            ["page tables from 2 MiB on: 4 KiB, for the one table that is touched", large],
            ["kernel stack per thread: 16,384 B", kernel],
            ["huge pages make a whole stack of 2 MiB resident", thp_text(results.thp)],
        ],
    }


def _range(slopes, figure, touch=None, least=0, largest=1 << 62):
    values = [
        cell[figure].per_unit
        for (at, stack), cell in slopes.items()
        if figure in cell and touch in (None, at) and least <= probes.size_of(stack) <= largest
    ]
    return _spread(values, "B")


def _spread(values, unit):
    if not values:
        return "not measured"
    low, high = costs.rounded(min(values)), costs.rounded(max(values))
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def flat_summary(results):
    found = memory.growths(results.experiment, results.runs, costs.primary(results))
    bounds = [one.bound for one in found if one.bound is not None]
    if not bounds:
        return "not measured, or too few blocks"
    shares = [one.share for one in found if one.share is not None]
    percent = f" ({100 * max(shares):.2g} %)" if shares else ""
    if max(bounds) < 0.5:
        return "the same at every size, to the byte"
    return f"within {costs.rounded(max(bounds))} B of each other{percent}"


def thp_text(mode):
    return {
        None: "unknown",
        "always": "transparent huge pages are always on; check resident of 2M and more",
        "madvise": "transparent huge pages only with madvise(2), which no stack uses",
        "never": "transparent huge pages are off",
    }.get(mode, mode)


# ---- one screen ----------------------------------------------------------------------------------
def screen(results):
    """Lines: the answer, the table of depths, memory, flatness, the threads that fit."""
    depths = smallest(results)
    lines = [answer(results), "", *table.aligned(depths["columns"], depths["rows"])]
    lines += ["", "Memory per connection, as the slope over n:", *costs.cost_lines(results)]
    lines += costs.unaccounted(results)
    lines += ["", *(line for line in costs.flatness(results) if not line.startswith("Kernel"))]
    lines += ["", "Threads that fit: " + fit_text(results)]
    return lines
