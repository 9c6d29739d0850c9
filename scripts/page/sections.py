"""The parts of an experiment's page that are words: question, answer, findings, commands.

Each gives markup or None; a part without anything to show is not shown at all.
"""

from . import commands, markup, source, units

KINDS = {"sweep": "Sweep", "compare": "Comparison", "stack-sweep": "Stack sweep", "tune": "Tuning"}
OUTCOMES = {
    "refused": "the machine's limits leave no room for it (exit 3)",
    "infeasible": "these options cannot go together (exit 2)",
    "faulted": "the server died of a signal",
    "failed": "something went wrong",
}


def question(told):
    text = source.text_at(told, "question")
    expects, origin = source.text_at(told, "expects"), source.text_at(told, "source")
    return markup.section(
        "question",
        "Question",
        markup.paragraph(text, "question"),
        markup.paragraph(f"Expected: {expects}") if expects else None,
        markup.paragraph(f"Source: {origin}", "muted") if origin else None,
    )


def answer(told, figure):
    text = source.text_at(told, "answer")
    length = "answer long" if text and len(text) > 200 else "answer"
    return markup.section("answer", "Answer", markup.paragraph(text, length), figure)


# ---- findings ------------------------------------------------------------------------------------
def findings(told):
    parts = []
    for finding in source.list_at(told, "findings"):
        title = source.text_at(finding, "title") or source.text_at(finding, "name")
        text = source.text_at(finding, "text")
        table = _finding_table(finding, title)
        if title and (text or table):
            parts += [markup.element("h3", title), markup.paragraph(text), table]
    return markup.section("findings", "Findings", *parts)


def _finding_table(finding, title):
    columns = source.list_at(finding, "data", "columns")
    rows = [row for row in source.list_at(finding, "data", "rows") if isinstance(row, list)]
    if not columns or not rows:
        return None
    width = len(columns)
    rows = [(row + [None] * width)[:width] for row in rows]
    words = next(
        (at for at in range(width) if any(source.is_number(row[at]) for row in rows)), width
    )
    shown = [[_value(value) for value in row] for row in rows]
    return markup.table(title, [str(column) for column in columns], shown, max(1, words))


def _value(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


# ---- rows that failed ----------------------------------------------------------------------------
def left_out(material, grid, most=200):
    lost = [run for run in material.runs if not run.measured]
    groups = {}
    for run in lost:
        key = tuple(sorted(run.cell.items())), run.outcome, run.why
        groups.setdefault(key, []).append(run)
    names = {id(run): grid.name(cell) for cell in grid.cells for run in cell.runs}
    rows = [
        [
            names.get(id(runs[0]), "-"),
            outcome,
            why or OUTCOMES.get(outcome, "-"),
            _exits(runs[0]),
            ", ".join(str(run.run) for run in runs[:12]) + (" ..." if len(runs) > 12 else ""),
        ]
        for (_, outcome, why), runs in groups.items()
    ]
    heads = ("cell", "outcome", "why", "exit of server, client", "runs")
    caption = f"{units.many(len(lost), 'run')} without figures; no statistic has them"
    table = markup.table(caption, heads, rows[:most], 5)
    seen = dict.fromkeys(run.outcome for run in lost)
    words = "; ".join(f"{name}: {OUTCOMES[name]}" for name in seen if name in OUTCOMES)
    more = f"{len(rows) - most} more rows are in runs.jsonl." if len(rows) > most else None
    if not lost:
        return None
    return markup.section(
        "left-out",
        "Runs that gave no figures",
        table,
        markup.paragraph(more),
        markup.paragraph(f"{words}." if words else None, "how"),
    )


def _exits(run):
    codes = (run.server_exit, run.client_exit)
    return ", ".join("-" if code is None else str(code) for code in codes)


# ---- how to make it again ------------------------------------------------------------------------
def reproduce(material, grid):
    whole = source.text_at(material.experiment, "command")
    parts = []
    if whole:
        parts.append(markup.paragraph("The whole experiment, with the seed of its order:"))
        parts.append(markup.command(whole))
    blocks = []
    for cell in grid.cells:
        run = cell.typical(grid.primary)
        server, client = commands.of(run) if run else ("", "")
        said = "\n".join(filter(None, (f"{server} &" if server else "", client)))
        if said:
            blocks.append((grid.name(cell), run, said))
    if blocks:
        parts.append(
            markup.paragraph(
                "One run of a cell, by hand: the server first, the client after it, then end the "
                "server with SIGINT. The run shown is the one in the middle by the primary figure; "
                "port and file names are its own."
            )
        )
    few = len(blocks) <= 3
    for name, run, said in blocks:
        number = "" if material.single else f" (run {run.run})"
        summary = markup.element("summary", f"{name}{number}")
        printed = "print" if len(blocks) <= 12 else None
        words = {"open": few, "class_": printed}
        parts.append(markup.element("details", summary, markup.command(said), **words))
    return markup.section("reproduce", "How to make it again", *parts)
