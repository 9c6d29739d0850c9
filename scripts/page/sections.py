"""The parts of an experiment's page, in the order in which a reader asks for them.

Each gives markup or None; a part without anything to show is not shown at all.
"""

import collections
import re
import statistics

from experiment import answer as conclusions

from . import commands, markup, source, units

#: From which share of a run's time on the hypervisor's neighbours are in the figures.
STEAL = 0.01
#: The programs' own words for what is told once for all runs.
TOLD_ABOVE = ("(steal)", "the client is the bottleneck")
#: Share of a processor from which on the client's thread was the limit.
BUSY_CLIENT = 0.95
STATUS = {
    "running": "It is still running, or ended without a word: what stands here is what was measured until now.",
    "interrupted": "It was interrupted: what stands here is what was measured until then.",
    "capped": "It ended at the cap on its time before all runs were made.",
    "failed": "It ended early because something failed.",
}
KINDS = {"sweep": "Sweep", "compare": "Comparison", "stack-sweep": "Stack sweep", "tune": "Tuning"}
OUTCOMES = {
    "refused": "the machine's limits leave no room for it (exit 3)",
    "infeasible": "these options cannot go together (exit 2)",
    "faulted": "the server died of a signal",
    "failed": "something went wrong",
}


def many(count, one, several=None):
    return f"{count:,} {one if count == 1 else several or one + 's'}"


# ---- question, answer, warnings ------------------------------------------------------------------
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


def warnings(material, grid):
    """What a reader must know before believing a figure; the gravest first."""
    runs, told = material.runs, material.experiment
    found = []
    status = source.text_at(told, "status")
    planned = _planned(told, grid)
    if status in STATUS:
        made = f" {len(runs)} of {planned} planned runs are here." if planned else ""
        found.append(STATUS[status] + made)
    counted = collections.Counter(run.outcome for run in runs if not run.measured)
    if counted:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counted.items()))
        left = many(sum(counted.values()), "run")
        found.append(
            f"{left} of {len(runs)} did not give figures ({parts}): no statistic has them; "
            "they are listed below with the reason."
        )
    elif not runs:
        found.append("There is not a single run yet.")
    found += [_steal(runs), _client_bound(material)]
    found += material.problems[:8]
    if len(material.problems) > 8:
        found.append(f"{len(material.problems) - 8} more documents could not be read.")
    found += _told_by_runs(runs, material.single)
    return markup.section("warnings", "Warnings", markup.notes(found, "warnings"))


def _planned(told, grid):
    reps = source.number_at(told, "design", "reps")
    levels = [len(source.list_at(f, "levels")) for f in source.list_at(told, "design", "factors")]
    if not reps or not levels:
        return None
    count = int(reps)
    for each in levels:
        count *= each
    return count


def _steal(runs):
    known = [(run.steal, run.run) for run in runs if run.measured and run.steal is not None]
    if not known or max(known)[0] < STEAL:
        return None
    most, run = max(known)
    middle = units.percent(statistics.median(steal for steal, _ in known))
    if len(known) == 1:
        return f"The hypervisor gave {units.percent(most)} of the time to others (steal): the highest percentiles may be theirs."
    affected = sum(steal >= STEAL for steal, _ in known)
    return (
        f"The hypervisor gave time to others (steal) in {many(affected, 'run')} of {len(known)}: median {middle}, "
        f"at most {units.percent(most)} (run {run}). The highest percentiles may be theirs."
    )


def _client_bound(material):
    bound = []
    for run in material.runs:
        busy = source.number_at(material.client(run), "cpu", "client_busiest_thread")
        if run.measured and busy is not None and busy >= BUSY_CLIENT:
            bound.append(run)
    if not bound:
        return None
    if material.single:
        return "Client-bound: a thread of the client had no time left, so throughput says little about the server."
    names = collections.Counter(", ".join(f"{k} {v}" for k, v in run.cell.items()) for run in bound)
    cells = "; ".join(f"{name} ({count})" if name else str(count) for name, count in names.most_common(6))
    more = f" and {len(names) - 6} more cells" if len(names) > 6 else ""
    return (
        f"Client-bound in {many(len(bound), 'run')}: a thread of the client had no time left, so throughput "
        f"there says little about the server. {cells}{more}."
    )


def _told_by_runs(runs, single, most=8):
    """The programs' own warnings, those that differ only in figures told once."""
    groups = {}
    for run in runs:
        for text in run.warnings:
            if any(told in text for told in TOLD_ABOVE):
                continue
            groups.setdefault(re.sub(r"\d[\d,.]*", "#", text), []).append((run, text))
    ranked = sorted(groups.values(), key=len, reverse=True)
    for group in ranked[:most]:
        run, text = group[0]
        concerned = len({one.run for one, _ in group})
        where = "" if single else f" (run {run.run})" if concerned == 1 else f" (run {run.run}; likewise in {many(concerned - 1, 'other run')})"
        yield f"{text[:1].upper()}{text[1:]}{where}"
    if len(ranked) > most:
        yield f"{len(ranked) - most} more kinds of warnings are in the runs' documents."


# ---- cells ---------------------------------------------------------------------------------------
def cells(grid):
    if not any(cell.runs for cell in grid.cells) or not grid.factors:
        return None
    main = cell_table(grid, grid.main_figures(), "Runs of each cell; medians, and below them the least and the most")
    others = grid.other_figures()
    rest = [
        cell_table(grid, others[at : at + 7], "Medians, and below them the least and the most")
        for at in range(0, len(others), 7)
    ]
    folded = markup.details(f"All other figures ({len(others)})", *rest) if others else None
    fixed = _fixed(grid)
    return markup.section("cells", "Results", main, fixed, folded)


def _fixed(grid):
    if not grid.constant:
        return None
    words = ", ".join(f"{factor.name} {factor.levels[0]}" for factor in grid.constant)
    return markup.paragraph(f"The same in all runs: {words}.", "how")


def cell_table(grid, figures, caption):
    if not figures:
        return None
    scales = {
        name: units.scale([cell.median(name) for cell in grid.cells], grid.unit(name)) for name in figures
    }
    names = [factor.name for factor in grid.factors]
    heads = [*names, "runs", *(_head(grid, name, scales[name]) for name in figures)]
    table = markup.Table(caption, heads, text=len(names))
    for cell in grid.cells:
        measured, all_runs = len(cell.measured), len(cell.runs)
        count = f"{measured}" if measured == all_runs else f"{measured} of {all_runs}"
        row = [cell.levels.get(name, "-") for name in names]
        table.add(*row, count, *(_figure(cell, name, scales[name], name == grid.primary) for name in figures))
    return table.markup()


def _head(grid, name, scale):
    words = grid.heading(name)
    if not scale.unit:
        return words
    unit = "a second" if scale.unit == "/s" else scale.unit
    return markup.escaped([words, " ", markup.element("span", f"({unit})", class_="unit")])


def _figure(cell, name, scale, primary):
    values = cell.values(name)
    if not values:
        return "-"
    median = scale.number(cell.median(name))
    low, high = scale.number(min(values)), scale.number(max(values))
    between = "" if low == high else markup.element("span", f"{low} to {high}", class_="range")
    return markup.element("span", median, between, class_="primary" if primary else None)


# ---- comparisons ---------------------------------------------------------------------------------
def comparisons(grid, answers, figure):
    if not answers:
        return None
    mine = [one for one in answers if one.figure == grid.primary]
    joined = [one for one in mine if not one.given]
    given = [one for one in mine if one.given]
    rest = [one for one in answers if one.figure != grid.primary]
    words = grid.words(grid.primary)
    confidence = 100 * grid.confidence
    main = _answer_table(grid, joined or given, f"{words[:1].upper()}{words[1:]}: each level beside its baseline")
    how = markup.paragraph(
        "A ratio is that of runs of the same block and the same other levels, paired; its interval covers the true "
        f"ratio with {confidence:g} % or more. p is adjusted by Holm for all comparisons of this table.",
        "how",
    )
    in_words = markup.notes([one.text for one in joined or given])
    folded = others = None
    if joined and given:
        folded = markup.details(
            f"At each level of the other factors ({len(given)})",
            _answer_table(grid, given, "The same, at each level of the other factors; no verdict is drawn from these"),
        )
    if rest:
        caption = "Other figures; their intervals are not adjusted for their number"
        others = markup.details(
            f"Comparisons of other figures ({len(rest)})", _answer_table(grid, rest, caption)
        )
    return markup.section("comparisons", "Comparisons", in_words, figure, main, how, folded, others)


def _answer_table(grid, answers, caption):
    if not answers:
        return None
    several = len({one.figure for one in answers}) > 1 or answers[0].figure != grid.primary
    adjusted = any(one.p_adjusted is not None for one in answers)
    heads = (["figure"] if several else []) + ["level", "beside"]
    text = len(heads)
    heads += ["pairs", "ratio", "interval", "change", "p after Holm" if adjusted else "p"]
    table = markup.Table(caption, heads, text)
    for one in answers:
        where = f", {one.where()}" if one.given else ""
        first = [grid.words(one.figure)] if several else []
        p = one.p_adjusted if adjusted else one.p
        table.add(
            *first,
            f"{one.factor} {one.level}{where}",
            one.baseline,
            "-" if one.pairs is None else f"{one.pairs:,.0f}",
            "-" if one.ratio is None else f"{one.ratio:.3f}",
            "-" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}",
            units.change(one.ratio),
            "-" if p is None else conclusions.p_text(p),
        )
    return table.markup()


# ---- figures -------------------------------------------------------------------------------------
HOW = {
    "answer-in-page": "Each row is a level. Dots are runs, in the order in which they were made from top to bottom; below "
    "them the median (upright stroke) and the interval of the centre. Runs of one block share what the machine did "
    "then, so read differences from the comparisons, not from bars that overlap.",
    "comparisons": "The ratio of each level to its baseline, with its interval; the upright line is no difference. "
    "Filled and coloured: a difference that holds after Holm. Open and grey: none that does, or no verdict is given.",
    "percentiles": "How long the slowest 10 %, 1 %, 0.1 % waited: each step to the right is ten times rarer. A line "
    "ends where fewer than ten echoes lie above, or where messages were given up.",
    "connects": "A point says which share of the connects was done within that time, counted from each one's own start.",
    "established": "Connections established since the run began. A step of a second is a SYN that was lost and sent again.",
    "concurrency": "Connections open at a time, as the client saw it.",
    "memory": "Resident memory of the server's processes. It misses what the kernel holds for them; see the table of results.",
    "throughput": "Verified echoes a second, in each interval of the series.",
    "workers": "Messages of each worker of the server. Lines that lie together are an even load; one that leaves the "
    "others took or lost some of theirs.",
}


def figure(drawing, behind=None, left_out=None):
    """A drawing with what it says, how it is read, and the figures behind it."""
    words = " ".join(filter(None, (HOW.get(drawing.name), left_out)))
    caption = markup.element("figcaption", words) if words else ""
    picture = markup.element("div", markup.Markup(drawing.inline()), class_="plot")
    return markup.element("figure", picture, caption, behind or "", id=f"plot-{drawing.name}")


def behind(drawn, title):
    table = markup.table(title, drawn.heads, drawn.rows)
    return markup.details("The figures behind this plot", table)


def dots(pictures, grid):
    if not pictures:
        return None
    parts = []
    for name, drawing in pictures:
        words = grid.words(name)
        parts.append(markup.element("h3", f"{words[:1].upper()}{words[1:]}"))
        parts.append(figure(drawing, behind=_runs_table(grid, name)))
    intro = markup.paragraph(HOW["answer-in-page"], "how")
    return markup.section("runs", "Every run", intro, *parts)


def _runs_table(grid, figure_name):
    cells_ = [cell for cell in grid.cells if cell.values(figure_name)]
    scale = units.scale([cell.median(figure_name) for cell in cells_], grid.unit(figure_name))
    rows = []
    for cell in cells_:
        between = grid.interval(cell.values(figure_name))
        interval = f"{scale.number(between.low)} to {scale.number(between.high)}" if between else "-"
        rows.append([grid.name(cell), len(cell.values(figure_name)), scale.text(cell.median(figure_name)), interval])
    heads = ("cell", "runs", "median", f"{100 * grid.confidence:g} % interval")
    return markup.details("The figures behind this plot", markup.table(grid.words(figure_name), heads, rows))


def runs_behind(grid):
    return _runs_table(grid, grid.primary)


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
    table = markup.table(f"{many(len(lost), 'run')} without figures; no statistic has them", heads, rows[:most], 5)
    seen = dict.fromkeys(run.outcome for run in lost)
    words = "; ".join(f"{name}: {OUTCOMES[name]}" for name in seen if name in OUTCOMES)
    more = markup.paragraph(f"{len(rows) - most} more rows are in runs.jsonl.") if len(rows) > most else None
    return markup.section(
        "left-out", "Runs that gave no figures", table, more, markup.paragraph(f"{words}." if words else None, "how")
    ) if lost else None


def _exits(run):
    return ", ".join("-" if code is None else str(code) for code in (run.server_exit, run.client_exit))


# ---- how to make it again ------------------------------------------------------------------------
def reproduce(material, grid):
    whole = source.text_at(material.experiment, "command")
    parts = []
    if whole:
        parts += [markup.paragraph("The whole experiment, with the seed of its order:"), markup.command(whole)]
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
                "One run of a cell, by hand: the server first, the client after it, then end the server with "
                "SIGINT. The run shown is the one in the middle by the primary figure; port and file names are its own."
            )
        )
    few = len(blocks) <= 3
    for name, run, said in blocks:
        number = "" if material.single else f" (run {run.run})"
        parts.append(markup.element("details", markup.element("summary", f"{name}{number}"), markup.command(said), open=few, class_="print" if len(blocks) <= 12 else None))
    return markup.section("reproduce", "How to make it again", *parts)
