"""The plots in which each run is a dot, and the plot of the comparisons.

Levels are rows, so that long names stay readable and the figures of a level line up. A row shows
its runs first, in the order of their blocks from top to bottom, and below them the median with its
interval: the data come before the summary.
"""

import math

from . import palette, plot, units

#: More facets or rows do not fit into a picture; the table has the others.
MOST_PANELS, MOST_ROWS = 8, 24


def answer(grid, answers, experiment, runs):
    """The picture to paste elsewhere: the primary figure, and the experiment's answer as text. The
    one on the page has no text, because the page has it already."""
    figure = grid.primary
    if not grid.has_figure(figure):
        return []
    name = str(experiment.get("name") or "")
    said = str(experiment.get("answer") or "")
    foot = _foot(grid, experiment, runs)
    head = str(experiment.get("question") or name)
    alone = {"headline": head, "subtitle": said, "foot": foot}
    return [
        _dots(grid, figure, answers, "answer", row=40, **alone),
        _dots(grid, figure, answers, "answer-in-page", row=40, kept=False),
    ]


def of_figure(grid, figure, answers):
    """The plot of one other figure, half a page wide."""
    return _dots(grid, figure, answers, f"figure-{figure}", row=30)


def _foot(grid, experiment, runs):
    per_cell = sorted({len(cell.measured) for cell in grid.cells})
    if not per_cell:
        return ""
    count = f"{per_cell[0]}" if len(per_cell) == 1 else f"{per_cell[0]} to {per_cell[-1]}"
    plural = "run" if per_cell == [1] else "runs"
    level = "per level" if grid.factors else "in all"
    parts = [f"{count} {plural} {level}, one dot each; bar: median and {_percent(grid)} interval"]
    when = str(experiment.get("begun") or "")[:10]
    return " · ".join([*parts, when] if when else parts)


def _percent(grid):
    return f"{100 * grid.confidence:g} %"


def _dots(grid, figure, answers, name, row, **more):
    unit, words = grid.unit(figure), grid.words(figure)
    facets = [facet for facet in grid.facets() if any(c.values(figure) for c in facet[2])]
    values = [v for _, _, cells in facets for cell in cells for v in cell.values(figure)]
    if not values:
        return None
    x = units.axis(values, unit, words)
    mine = [one for one in answers if one.figure == figure]
    panels = [_panel(grid, figure, facet, x, mine) for facet in facets[:MOST_PANELS]]
    rows = max(len(panel.y.ticks) for panel in panels)
    scale = units.scale(values, unit)
    about = (
        f"{words}, one dot per run, by {grid.main.name if grid.main else 'run'}. Medians: "
        + "; ".join(
            f"{title + ': ' if title else ''}"
            + ", ".join(f"{grid.label(c)} {scale.text(c.median(figure))}" for c in cells)
            for title, _, cells in facets[:MOST_PANELS]
        )
        + "."
    )
    noted = any(panel.notes for panel in panels)
    return plot.Plot(
        name=name,
        title=f"{words[:1].upper()}{words[1:]}",
        about=about,
        panels=panels,
        panel_height=max(rows, 2) * row,
        width=860,
        shared_x=True,
        legend=False,
        note_title=f"against {grid.main.name} {grid.main.baseline}" if noted else "",
        **more,
    )


def _panel(grid, figure, facet, x, answers):
    title, given, cells = facet
    cells = [cell for cell in cells if cell.values(figure)][:MOST_ROWS]
    series, ticks, notes = [], [], []
    for index, cell in enumerate(cells):
        row = len(cells) - index
        ticks.append((row, grid.label(cell)))
        series += _row(grid, cell, figure, x, row)
        note = _note(grid, cell, given, answers)
        if note:
            notes.append(plot.Note(row - 0.2, note))
    y = units.Axis("", 0.45, len(cells) + 0.55, tuple(ticks))
    return plot.Panel(x, y, series, title, tuple(notes), rows=True)


def _row(grid, cell, figure, x, row):
    colour = grid.colour(cell)
    runs = [run for run in cell.measured if figure in run.figures]
    runs.sort(key=lambda run: (run.block, run.run))
    count = len(runs)
    dots = [
        (x.place(run.figures[figure]), row + 0.34 - 0.3 * (at + 0.5) / count)
        for at, run in enumerate(runs)
        if run.figures[figure] > 0 or not x.log
    ]
    values = cell.values(figure)
    between = grid.interval(values)
    middle = cell.median(figure)
    shown = [plot.Series(dots, "dots", colour, size=0.6)]
    if middle is None or (x.log and middle <= 0):
        return shown
    if between:
        low, high = x.place(between.low), x.place(between.high)
        shown.append(plot.Series([(low, high, row - 0.2)], "spans", colour, width=3, dash=0))
        shown.append(
            plot.Series(
                [(low, row - 0.2, 0.07), (high, row - 0.2, 0.07)], "ticks", colour, width=2, dash=0
            )
        )
    at = x.place(middle)
    shown.append(plot.Series([(at, row - 0.2, 0.16)], "ticks", -palette.INK, width=3))
    return shown


def _note(grid, cell, given, answers):
    if not answers or not grid.main:
        return None
    level = grid.label(cell)
    if level == grid.main.baseline:
        return "baseline"
    for one in answers:
        if one.level == level and one.factor == grid.main.name and one.given == given:
            return one.change() or None
    return None


# ---- comparisons ---------------------------------------------------------------------------------
def comparisons(grid, answers):
    """All ratios of the primary figure with their intervals, and a line at no difference."""
    kept = [a for a in answers if a.figure == grid.primary and None not in (a.ratio, a.low, a.high)]
    kept = kept[:MOST_ROWS]
    if len(kept) < 2:
        return None
    x = _ratio_axis(kept, grid)
    series, ticks, notes = [], [], []
    for index, one in enumerate(kept):
        row = len(kept) - index
        label = f"{one.factor} {one.level}" if len({a.factor for a in kept}) > 1 else one.level
        where = one.where()
        ticks.append((row, f"{label}, {where}" if where else label))
        clear = one.verdict == "differs"
        colour = 0 if clear else -palette.FRAME
        low, middle, high = x.place(one.low), x.place(one.ratio), x.place(one.high)
        series.append(plot.Series([(low, high, row)], "spans", colour, width=3, dash=0))
        series.append(plot.Series([(middle, row)], "dots", colour, size=0.9, shape=0 if clear else 5))
        notes.append(plot.Note(row, one.change()))
    y = units.Axis("", 0.4, len(kept) + 0.6, tuple(ticks))
    panel = plot.Panel(x, y, series, notes=tuple(notes), rows=True, line_at=x.place(1))
    words = grid.words(grid.primary)
    return plot.Plot(
        name="comparisons",
        title=f"{words[:1].upper()}{words[1:]}: each level compared with its baseline",
        about="Ratio to the baseline with its interval: "
        + "; ".join(f"{text} {one.change()}" for (_, text), one in zip(ticks, kept))
        + ".",
        panels=[panel],
        panel_height=max(2, len(kept)) * 28,
        width=860,
        legend=False,
    )


def _ratio_axis(kept, grid):
    low = min(1, *(one.low for one in kept))
    high = max(1, *(one.high for one in kept))
    bottom, top = math.log10(low), math.log10(high)
    room = max(0.06 * (top - bottom), 0.004)
    bottom, top = bottom - room, top + room
    label = f"{grid.words(grid.primary)}, change from the baseline"
    if high / low > 4:
        values = [m * 10**e for e in range(-4, 6) for m in (1, 2, 5)]
        ticks = [(math.log10(v), f"x {v:g}") for v in values]
    else:
        width = 100 * (10**top - 10**bottom)
        step = next(s for s in (0.5, 1, 2, 5, 10, 20, 50, 100) if width / s <= 8)
        first = math.ceil((100 * (10**bottom - 1)) / step)
        last = math.floor((100 * (10**top - 1)) / step)
        decimals = 1 if step < 1 else 0
        ticks = [
            (math.log10(1 + n * step / 100), f"{n * step:+.{decimals}f} %" if n else "0")
            for n in range(first, last + 1)
        ]
    ticks = tuple(tick for tick in ticks if bottom <= tick[0] <= top)
    return units.Axis(label, bottom, top, ticks, log=True)
