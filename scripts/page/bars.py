"""The picture of a stack sweep: what each size of a thread's stack costs, and how small it may be.

A panel for each depth that was touched, a row for each size, in it the parts of the memory end to
end, each as the slope over N. The smallest size that holds stands in its place among the others.
The depth makes the bars long, the size hardly does: that is what there is to see. Address space has
no bar, which would be as long as the size itself and hide the rest.
"""

import dataclasses

from experiment import slope
from stacks import memory

from . import markup, palette, plot, source, units

KIND = "stack-sweep"
#: Of what a thread is known to take, in the order in which the bar shows it, and their hues. A
#: pool's resident memory is in its peak alone, that of the others in its growth.
COLOURS = {"resident_b": 0, "peak_resident_b": 0, "page_tables_b": 1, "kernel_stack_b": 2}
NAMES = memory.NAMES
LABEL = "a thread's resident memory, page tables and kernel stack"
THICK, ROW = 13, 24
MOST_PANELS, MOST_ROWS = 6, 16


@dataclasses.dataclass(frozen=True)
class Row:
    size: str
    parts: list  #: of (name, bytes); empty: not measured
    holds: bool | None = None  #: the smallest that does; None: one like others
    note: str = ""


def answer(material):
    """The picture with its words around it, and the same for the page. [] without figures."""
    told = material.experiment
    facets = _facets(told, material.runs)
    if not any(row.parts for _, rows in facets for row in rows):
        return []
    alone = {
        "headline": source.text_at(told, "question") or source.text_at(told, "name") or "",
        "said": source.text_at(told, "answer") or "",
        "foot": _foot(told),
    }
    return [
        _picture(facets, "answer", **alone),
        _picture(facets, "costs-in-page", kept=False),
    ]


def _facets(told, runs):
    """[(title, rows)], a depth each."""
    levels = {
        source.text_at(one, "name"): [str(level) for level in source.list_at(one, "levels")]
        for one in source.list_at(told, "design", "factors")
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
    """{(touch, stack): {figure: bytes a thread}}."""
    found = {}
    for figure in COLOURS:
        if figure not in memory.figures(told):
            continue
        try:
            several = slope.over(told, runs, figure)
        except (KeyError, TypeError, ValueError, AttributeError):  # a folder that somebody changed
            return {}
        for one in several:
            if one.per_unit is not None:
                key = str(one.given.get("touch")), str(one.given.get("stack"))
                found.setdefault(key, {})[figure] = one.per_unit
    return found


def _smallest(told):
    """{touch: (size, bytes used, what became of a page less)}, as the findings have it."""
    for one in source.list_at(told, "findings"):
        if source.text_at(one, "name") == "smallest":
            rows = source.list_at(one, "data", "rows")
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
        why = "the platform's least" if below == "not possible" else below
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
        title="Memory of a thread by the size of its stack",
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
    """With room for so many rows, so that a row is as high in each panel."""
    y = dataclasses.replace(panel.y, low=panel.y.high - rows - 0.2)
    return dataclasses.replace(panel, y=y)


def behind(material):
    """The bars as a table, for those who want the figures."""
    facets = _facets(material.experiment, material.runs)
    told = {part for _, rows in facets for row in rows for part, _ in row.parts}
    names = [name for name in COLOURS if name in told]
    heads = ["depth", "stack", *(NAMES[name] for name in names), "together", ""]
    rows = []
    for title, several in facets:
        for row in several:
            parts = dict(row.parts)
            cells = [f"{parts[name]:,.0f}" if name in parts else "-" for name in names]
            together = f"{sum(parts.values()):,.0f}" if parts else "-"
            rows.append([title, row.size, *cells, together, row.note])
    table = markup.table("Bytes of a thread, slopes over the number of connections", heads, rows, 2)
    return markup.details("The figures behind this plot", table)


def _about(facets):
    return "Bars of memory, resident and page tables and kernel stack. " + "; ".join(
        f"{title}: "
        + ", ".join(
            f"{row.size} {units.text(sum(size for _, size in row.parts), 'B') if row.parts else ''}"
            f"{' ' + row.note if row.note else ''}"
            for row in rows
        )
        for title, rows in facets
    ) + "."


def _foot(told):
    count = source.number_at(told, "design", "connections")
    reps = source.number_at(told, "design", "reps")
    parts = [
        f"{count:,.0f} connections" if count else None,
        f"slopes over n, {reps:,.0f} blocks" if reps else "slopes over n",
        "address space: the size itself",
        (source.text_at(told, "begun") or "")[:10] or None,
    ]
    return " · ".join(part for part in parts if part)
