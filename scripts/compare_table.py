"""The tables of scripts/compare-models: one for each mode and number of connections.

Medians over the rounds that were measured. A row that lacks a figure has the reason: a model that
serves eight at once has not failed, and the figures of its eight must not be read as figures of
all.
"""

import collections
import statistics

import demo_table

at = demo_table.at
#: With fewer connections, the growth of resident memory comes from the server's start, and the
#: growth of kernel memory, which is counted for the whole machine, from other processes.
MEMORY_FROM = {"resident": 100, "kernel": 1000}
#: From this share of a processor on, the limit was the client's thread, not the server.
BUSY_CLIENT = 0.95
CLIENT_BOUND = "client-bound"
#: Where a smaller share was served, the figures are those of the served alone and are written in
#: parentheses: otherwise one connection of a thousand, served while the others wait, would win.
NEARLY_ALL = 0.99
DASH = "-"

#: (heading, figure). Columns without any figure are left out.
COLUMNS = {
    "stream": (
        ("echoes/s", "echoes_per_s"),
        ("server us", "server_ns"),
        ("both us", "both_ns"),
        ("p50", "p50"),
        ("p99", "p99"),
        ("resident B", "resident"),
        ("kernel B", "kernel"),
        ("balance", "balance"),
        ("queue p99", "queue_wait_p99"),
    ),
    "churn": (
        ("connections/s", "echoes_per_s"),
        ("at once", "at_once"),
        ("server us", "server_ns"),
        ("both us", "both_ns"),
        ("p50", "p50"),
        ("p99", "p99"),
        ("balance", "balance"),
        ("queue p99", "queue_wait_p99"),
    ),
}
SCALES = {"server_ns": 1000, "both_ns": 1000}
DIGITS = {"server_ns": 1, "both_ns": 1, "balance": 2}
LATENCIES = {"p50", "p99", "queue_wait_p99"}
OF_THE_SERVER = {"balance", "queue_wait_p99", "at_once"}  #: valid however many were served


def median(values):
    """Of the values that were read. With two in the middle, of latencies the larger one: the mean
    of two p99 is not a percentile (docs/terminology.md)."""
    values = sorted(value for value in values if value is not None)
    if not values:
        return None
    latencies = isinstance(values[0], (tuple, list))
    return statistics.median_high(values) if latencies else statistics.median(values)


def of_runs(runs, figure):
    """The median, if every round has the figure. A round that was slow may have too few samples for
    a p99; the median of the other rounds would be too low."""
    values = [run.figures.get(figure) for run in runs]
    return None if None in values else median(values)


def written(figure, value):
    if value is None:
        return DASH
    if figure in LATENCIES:
        return (">= " if value[1] else "") + demo_table.duration(round(value[0]))
    return f"{value / SCALES.get(figure, 1):,.{DIGITS.get(figure, 0)}f}"


def shown(cell, runs, figure):
    """A figure as text, or a dash where it would mislead."""
    served, requested = of_runs(runs, "served"), of_runs(runs, "requested")
    value = of_runs(runs, figure)
    # Memory would look cheap if it were divided by connections that were not served. In a stream,
    # the wait of those that are never served ends when the client gives up.
    only_of_all = figure in MEMORY_FROM or (figure == "queue_wait_p99" and cell.mode == "stream")
    if only_of_all and (served != requested or cell.connections < MEMORY_FROM.get(figure, 0)):
        value = None
    text = written(figure, value)
    few_served = requested and served is not None and served < NEARLY_ALL * requested
    says_it_itself = text == DASH or text.startswith(">=") or figure in OF_THE_SERVER
    return f"({text})" if few_served and not says_it_itself else text


def spread(counts):
    """One count, or the lowest and the highest."""
    low, high = min(counts), max(counts)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def by_cause(runs, what):
    """`timeout 9,992, reset 0 to 3` over runs."""
    causes = collections.Counter()
    for run in runs:
        causes.update(getattr(run, what))
    return ", ".join(
        f"{cause} {spread([getattr(run, what).get(cause, 0) for run in runs])}"
        for cause, _ in causes.most_common()
    )


def note(cell, runs, traits, wanted_rounds):
    """What explains the row, in the programs' own words where they report some."""
    good = [run for run in runs if run.outcome == "measured"]
    said = []
    if traits.at_once is not None and traits.at_once < cell.connections:
        said.append(f"serves {traits.at_once:,} at once")
    for what, words in (
        ("shed", "server shed: "),
        ("failed", "failed: "),
        ("unexplained", "UNEXPLAINED: "),
    ):
        if causes := by_cause(good, what):
            said.append(words + causes)
    # The kernel counts drops for the whole machine; drops at this server make connects slow.
    late = of_runs(good, "slow_connects") or "connect_timeout" in by_cause(good, "failed")
    if late and (drops := of_runs(good, "listen_drops")):
        said.append(f"accept queue overflowed: {drops:,.0f} SYNs dropped")
    if replaced := of_runs(good, "replaced"):
        said.append(f"workers replaced: {replaced:,.0f}")
    if (of_runs(good, "client_busiest_thread") or 0) >= BUSY_CLIENT:
        said.append(CLIENT_BOUND)
    for outcome in ("refused", "failed"):
        whys = collections.Counter(run.why for run in runs if run.outcome == outcome)
        for why, times in whys.most_common():
            often = f" ({times} of {len(runs)} rounds)" if times < len(runs) else ""
            said.append(f"{outcome.upper()}: {why}{often}")
    if not runs and (traits.refusal or traits.failure):
        said.append(f"REFUSED: {traits.refusal}" if traits.refusal else f"FAILED: {traits.failure}")
    elif not runs:
        said.append("NOT REACHED")
    elif len(runs) < wanted_rounds:
        said.append(f"{len(runs)} of {wanted_rounds} rounds")
    return "; ".join(said)


def row(cell, runs, traits, wanted_rounds, columns):
    good = [run for run in runs if run.outcome == "measured"]
    served, requested = of_runs(good, "served"), of_runs(good, "requested")
    # In churn, served and requested are two medians; where all were served they are equal.
    share = f"{served or 0:,.0f}/{requested:,.0f}" if requested else f"0/{cell.connections:,}"
    if not runs or (good and served is None):
        share = DASH
    figures = [shown(cell, good, figure) for _, figure in columns]
    program, _, model = cell.model.partition(":")
    return [f"{program}: {model}", share, *figures, note(cell, runs, traits, wanted_rounds)]


def table(mode, cells, runs, traits, wanted_rounds, columns=None):
    """Heading and rows, without columns that have no figure."""
    columns = columns or COLUMNS[mode]
    rows = [
        row(cell, runs.get(cell, []), traits[cell.model], wanted_rounds, columns) for cell in cells
    ]
    kept = [0, 1]
    kept += [i for i in range(2, len(columns) + 2) if any(line[i] != DASH for line in rows)]
    kept.append(len(columns) + 2)
    heading = ["model", "served", *(name for name, _ in columns), "note"]
    return [[line[i] for i in kept] for line in (heading, *rows)]


def as_text(rows, notes=True):
    """Each column as wide as needed. Models, and `notes` in the last column, are left-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = []
    for line in rows:
        cells = [cell.rjust(width) for cell, width in zip(line, widths)]
        cells[0] = line[0].ljust(widths[0])
        if notes:
            cells[-1] = line[-1]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(rows, notes=True):
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in rows]
    figures = len(rows[0]) - (2 if notes else 1)
    lines.insert(1, "|---|" + "---:|" * figures + ("---|" if notes else ""))
    return "\n".join(lines)


def grouped(comparison):
    """(mode, number of connections, cells) of each table, and the runs by cell."""
    groups = collections.defaultdict(list)
    for cell in comparison.cells:
        groups[cell.mode, cell.connections].append(cell)
    runs = collections.defaultdict(list)
    for run in comparison.runs:
        runs[comparison.cell_of(run)].append(run)
    return [(*place, cells) for place, cells in groups.items()], runs


def titled(mode, n, text, markdown):
    title = f"{mode}, {n:,} connections"
    return f"**{title}**\n\n{text}" if markdown else f"{title}\n{text}"


def tables(comparison, markdown=False):
    """All tables, each under its title."""
    groups, runs = grouped(comparison)
    write = as_markdown if markdown else as_text
    parts = []
    for mode, n, cells in groups:
        rows = table(mode, cells, runs, comparison.traits, comparison.rounds)
        parts.append(titled(mode, n, write(rows), markdown))
    return "\n\n".join(parts)
