"""The bar chart of a stack sweep: the memory per thread at each stack size, and the smallest size
that holds.

There is one panel per touched depth and one row per stack size. A row's bar is made of the parts of
the memory, end to end, each as the slope over N. The smallest size that holds has its row among the
others. The chart shows that the touched depth decides the memory, and the stack size hardly does.
Address space has no bar: it would be as long as the stack size and hide the other parts.
"""

import dataclasses

from experiment import slope
from stacks import memory

from . import fields, markup, palette, plot, units

KIND = "stack-sweep"
#: The parts of a thread's memory in the order of the bar, and their hues. The resident memory of a
#: pool shows in its peak only; that of the other models shows in its growth.
COLOURS = {"resident_b": 0, "peak_resident_b": 0, "page_tables_b": 1, "kernel_stack_b": 2}
NAMES = memory.NAMES
LABEL = "resident memory, page tables and kernel stack per thread"
THICK, ROW = 13, 24
MOST_PANELS, MOST_ROWS = 6, 16


@dataclasses.dataclass(frozen=True)
class Row:
    size: str
    parts: list  #: of (name, bytes); empty: not measured
    holds: bool | None = None  #: True: the smallest size that holds; None: any other
    note: str = ""


def answer(material):
    """The chart with its text, and the chart alone for the page. [] without figures."""
    told = material.experiment
    facets = _facets(told, material.runs)
    if not any(row.parts for _, rows in facets for row in rows):
        return []
    alone = {
        "headline": fields.text_at(told, "question") or fields.text_at(told, "name") or "",
        "subtitle": fields.text_at(told, "answer") or "",
        "foot": _foot(told),
    }
    return [
        _picture(facets, "answer", **alone),
        _picture(facets, "costs-in-page", kept=False),
    ]


def _facets(told, runs):
    """[(title, rows)], one for each depth."""
    levels = {
        fields.text_at(one, "name"): [str(level) for level in fields.list_at(one, "levels")]
        for one in fields.list_at(told, "design", "factors")
    }
    if not {"stack", "touch", "n"} <= levels.keys():
        return []
    slopes = _slopes(told, runs)
    smallest = _smallest(told)
    facets = []
    for touch in levels["touch"][:MOST_PANELS]:
        found, used, below = smallest.get(touch, (None, None, None))
        sizes = {size: units.quantity(size) for size in [*levels["stack"], found] if size}
        sizes = sorted((size for size in sizes if sizes[size] is not None), key=sizes.get)
        rows = [_row(size, slopes.get((touch, size), {}), found, below) for size in sizes]
        title = f"a handler that touches {touch}" + (f", {used} B used" if used else "")
        facets.append((title, rows[:MOST_ROWS]))
    return facets


def _slopes(told, runs):
    """{(touch, stack): {figure: bytes per thread}}."""
    found = {}
    for figure in COLOURS:
        if figure not in memory.figures(told):
            continue
        try:
            several = slope.over(told, runs, figure)
        except (KeyError, TypeError, ValueError, AttributeError):  # a folder edited by hand
            return {}
        for one in several:
            if one.per_unit is not None:
                key = str(one.given.get("touch")), str(one.given.get("stack"))
                found.setdefault(key, {})[figure] = one.per_unit
    return found


def _smallest(told):
    """{touch: (size, bytes used, the outcome one page below)}, as experiment.json has it."""
    for one in fields.list_at(told, "findings"):
        if fields.text_at(one, "name") == "smallest":
            rows = fields.list_at(one, "data", "rows")
            rows = [[str(cell) for cell in row] for row in rows if isinstance(row, list)]
            return {
                row[0]: (row[4], row[3], row[5])
                for row in rows
                if len(row) > 5 and units.quantity(row[4]) is not None
            }
    return {}


def _row(size, told, smallest, below):
    parts = [(name, told[name]) for name in COLOURS if told.get(name, 0) > 0]
    least, here = units.quantity(smallest) if smallest else None, units.quantity(size)
    if size == smallest:
        why = "the platform's minimum" if below == "not possible" else below
        return Row(size, parts, True, "holds" + (f", {why}" if why != "-" else ""))
    if not parts:
        return Row(size, [], False, "too small" if least and here < least else "not measured")
    return Row(size, parts)


def _picture(facets, name, **more):
    totals = [sum(bytes_ for _, bytes_ in row.parts) for _, rows in facets for row in rows]
    x = units.axis(totals, "B", LABEL, zero=True)
    panels = [_panel(title, rows, x) for title, rows in facets]
    most = max(len(panel.y.ticks) for panel in panels)
    return plot.Plot(
        name=name,
        title="Memory per thread by stack size",
        about=_about(facets),
        panels=[_filled(panel, most) for panel in panels],
        panel_height=most * ROW,
        width=860,
        shared_x=True,
        **more,
    )


def _panel(title, rows, x):
    spans, ticks, notes, marks = {}, [], [], []
    for index, row in enumerate(rows):
        y, at = len(rows) - index, 0.0
        ticks.append((y, row.size))
        for part, size in row.parts:
            spans.setdefault(part, []).append((x.place(at), x.place(at + size), y))
            at += size
        if row.holds:
            marks.append((x.place(0), y))
        total = units.text(at, "B") if row.parts else ""
        notes.append(plot.Note(y, "  ".join(filter(None, (total, row.note)))))
    series = [
        plot.Series(spans[part], "spans", colour, NAMES[part], width=THICK, dash=0)
        for part, colour in COLOURS.items()
        if part in spans
    ]
    mark = {"label": "smallest that holds", "size": 0.95, "shape": 3}
    series += [plot.Series(marks, "dots", -palette.ACCENT, **mark)] if marks else []
    y = units.Axis("", 0.4, len(rows) + 0.6, tuple(ticks))
    return plot.Panel(x, y, series, title, tuple(notes), rows=True)


def _filled(panel, rows):
    """With room for `rows` rows, so that rows have the same height in all panels."""
    y = dataclasses.replace(panel.y, low=panel.y.high - rows - 0.2)
    return dataclasses.replace(panel, y=y)


def table(material):
    """The figures of the bars as a table."""
    facets = _facets(material.experiment, material.runs)
    told = {part for _, rows in facets for row in rows for part, _ in row.parts}
    names = [name for name in COLOURS if name in told]
    heads = ["depth", "stack", *(NAMES[name] for name in names), "total", ""]
    rows = []
    for title, several in facets:
        for row in several:
            parts = dict(row.parts)
            cells = [f"{parts[name]:,.0f}" if name in parts else "-" for name in names]
            total = f"{sum(parts.values()):,.0f}" if parts else "-"
            rows.append([title, row.size, *cells, total, row.note])
    table = markup.table("Bytes per thread, slopes over the number of connections", heads, rows, 2)
    return markup.details("The figures of this plot", table)


def _about(facets):
    return "Bars of resident memory, page tables and kernel stack per thread. " + "; ".join(
        f"{title}: "
        + ", ".join(
            f"{row.size} {units.text(sum(size for _, size in row.parts), 'B') if row.parts else ''}"
            f"{' ' + row.note if row.note else ''}"
            for row in rows
        )
        for title, rows in facets
    ) + "."


def _foot(told):
    count = fields.number_at(told, "design", "connections")
    reps = fields.number_at(told, "design", "reps")
    parts = [
        f"{count:,.0f} connections" if count else None,
        f"slopes over n, {reps:,.0f} blocks" if reps else "slopes over n",
        "address space: equal to the stack size",
        (fields.text_at(told, "begun") or "")[:10] or None,
    ]
    return " · ".join(part for part in parts if part)
