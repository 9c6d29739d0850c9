"""The sections of an experiment's page that are text: question, answer, further results, commands.

Each returns markup, or None where there is nothing to show.
"""

from . import fields, markup, run_commands, units

KINDS = {"sweep": "Sweep", "compare": "Comparison", "stack-sweep": "Stack sweep", "tune": "Tuning"}
OUTCOMES = {
    "refused": "the machine's limits do not allow it (exit 3)",
    "infeasible": "these options exclude each other (exit 2)",
    "faulted": "a signal ended the server",
    "failed": "an error occurred",
}


def question(told):
    text = fields.text_at(told, "question")
    expects, origin = fields.text_at(told, "expects"), fields.text_at(told, "source")
    return markup.section(
        "question",
        "Question",
        markup.paragraph(text, "question"),
        markup.paragraph(f"Expected: {expects}") if expects else None,
        markup.paragraph(f"Source: {origin}", "muted") if origin else None,
    )


def answer(told, figure):
    text = fields.text_at(told, "answer")
    length = "answer long" if text and len(text) > 200 else "answer"
    return markup.section("answer", "Answer", markup.paragraph(text, length), figure)


# ---- further results -----------------------------------------------------------------------------
def further_results(told):
    parts = []
    for finding in fields.list_at(told, "findings"):
        title = fields.text_at(finding, "title") or fields.text_at(finding, "name")
        text = fields.text_at(finding, "text")
        table = _result_table(finding, title)
        if title and (text or table):
            parts += [markup.element("h3", title), markup.paragraph(text), table]
    return markup.section("further-results", "Further results", *parts)


def _result_table(finding, title):
    columns = fields.list_at(finding, "data", "columns")
    rows = [row for row in fields.list_at(finding, "data", "rows") if isinstance(row, list)]
    if not columns or not rows:
        return None
    width = len(columns)
    rows = [(row + [None] * width)[:width] for row in rows]
    words = next(
        (at for at in range(width) if any(fields.is_number(row[at]) for row in rows)), width
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


# ---- runs without figures ------------------------------------------------------------------------
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
    heads = ("cell", "outcome", "why", "exit code of server, client", "runs")
    caption = f"{units.many(len(lost), 'run')} without figures; they are in no statistic"
    table = markup.table(caption, heads, rows[:most], 5)
    seen = dict.fromkeys(run.outcome for run in lost)
    words = "; ".join(f"{name}: {OUTCOMES[name]}" for name in seen if name in OUTCOMES)
    more = f"{len(rows) - most} more rows in runs.jsonl." if len(rows) > most else None
    if not lost:
        return None
    return markup.section(
        "left-out",
        "Runs without figures",
        table,
        markup.paragraph(more),
        markup.paragraph(f"{words}." if words else None, "how"),
    )


def _exits(run):
    codes = (run.server_exit, run.client_exit)
    return ", ".join("-" if code is None else str(code) for code in codes)


# ---- how to repeat it ----------------------------------------------------------------------------
def reproduce(material, grid):
    whole = fields.text_at(material.experiment, "command")
    parts = []
    if whole:
        parts.append(markup.paragraph("The whole experiment, with the seed of its run order:"))
        parts.append(markup.command(whole))
    blocks = []
    for cell in grid.cells:
        run = cell.typical(grid.primary)
        server, client = run_commands.of(run) if run else ("", "")
        said = "\n".join(filter(None, (f"{server} &" if server else "", client)))
        if said:
            blocks.append((grid.name(cell), run, said))
    if blocks:
        parts.append(
            markup.paragraph(
                "One run of a cell, by hand: start the server, then the client, and end the server "
                "with SIGINT. The commands are those of the cell's median run by the primary "
                "figure, with its port and file names."
            )
        )
    few = len(blocks) <= 3
    for name, run, said in blocks:
        number = "" if material.single else f" (run {run.run})"
        summary = markup.element("summary", f"{name}{number}")
        printed = "print" if len(blocks) <= 12 else None
        words = {"open": few, "class_": printed}
        parts.append(markup.element("details", summary, markup.command(said), **words))
    return markup.section("reproduce", "How to repeat it", *parts)
