"""A plot as a gnuplot script for an SVG: the layout of the sheet and the style of each series.

Margins are set here: gnuplot's own differ from panel to panel, and rows would not align.
"""

import textwrap

from . import palette
from .gnuplot_syntax import data, ink, quoted, ranges, tick_marks

_FONT = "sans-serif"
_SIZE, _SMALL, _HEAD = 13, 12, 16
_ADVANCE = 0.56  #: width of a character of a common sans serif, by font size
_TITLE, _AXIS, _AXIS_LABEL, _GAP, _LEGEND_ROW = 26, 26, 20, 22, 22
_SUBTITLE_LINES = 4  #: at most, of the answer in a picture; the page has all of it


def wrapped(text, width, size):
    return textwrap.wrap(text, max(20, int(width / (size * _ADVANCE)))) or [""]


def shortened(lines):
    if len(lines) <= _SUBTITLE_LINES:
        return lines
    return [*lines[: _SUBTITLE_LINES - 1], lines[_SUBTITLE_LINES - 1].rstrip(" ,;:.") + " ..."]


class _Sheet:
    """Converts pixels from the top left to gnuplot's fractions from the bottom left."""

    def __init__(self, plot):
        self.plot, self.width = plot, plot.width
        self.left = 64
        if any(panel.rows for panel in plot.panels):
            longest = max(len(text) for panel in plot.panels for _, text in panel.y.ticks)
            self.left = min(22 + longest * _SIZE * _ADVANCE, plot.width * 0.42)
        notes = [len(note.text) for panel in plot.panels for note in panel.notes]
        notes += [len(plot.note_title)] if notes else []
        self.right = 18 + max(notes, default=0) * _SMALL * _ADVANCE
        self.head = wrapped(plot.headline, plot.width - 24, _HEAD) if plot.headline else []
        self.subtitle = shortened(wrapped(plot.subtitle, plot.width - 24, _SIZE)) if plot.subtitle else []
        self.legend = self._legend_rows() if plot.legend else []
        self.top = 10 + len(self.head) * 22 + len(self.subtitle) * 19
        self.top += 6 if self.head or self.subtitle else 0
        self.legend_top = self.top
        self.top += len(self.legend) * _LEGEND_ROW + (4 if self.legend else 0)
        self.titled = any(panel.title or not panel.rows for panel in plot.panels) or plot.note_title
        self.panel_rows = -(-len(plot.panels) // plot.columns)
        self.each = (_TITLE if self.titled else 6) + plot.panel_height + _AXIS
        self.each += 0 if plot.shared_x else _AXIS_LABEL
        foot = 24 if plot.foot else 0
        self.height = self.top + self.panel_rows * self.each + foot
        self.height += _AXIS_LABEL if plot.shared_x else 0
        across = plot.width - (plot.columns - 1) * _GAP
        self.across = across / plot.columns

    def _legend_rows(self):
        """The entries, row by row: [[(x, label, series)]]."""
        entries = self.plot.entries()
        if len(entries) < 2:
            return []
        rows, x = [[]], 14
        for label, series in entries:
            taken = 44 + len(label) * _SMALL * _ADVANCE + 18
            if rows[-1] and x + taken > self.width - 8:
                rows, x = [*rows, []], 14
            rows[-1].append((x, label, series))
            x += taken
        return rows

    def x(self, pixels):
        return f"{pixels / self.width:.6f}"

    def y(self, pixels):
        return f"{1 - pixels / self.height:.6f}"

    def text(self, text, x, y, meaning=palette.INK, size=_SMALL, bold=False, align="left"):
        font = f"{_FONT}{':Bold' if bold else ''},{size}"
        return (
            f"set label {quoted(text)} at screen {self.x(x)}, screen {self.y(y)} {align} "
            f"font '{font}' tc {ink(meaning)}"
        )


def script(plot):
    sheet = _Sheet(plot)
    lines = [
        "reset",
        f"set terminal svg size {plot.width},{sheet.height} dynamic noenhanced "
        f"font '{_FONT},{_SMALL}'",
        f"set output '{plot.name}.out'",
        "unset key; set pointintervalbox 0",
        f"set border 0 lc {ink(palette.FRAME)}",
        "set multiplot",
    ]
    for at, panel in enumerate(plot.panels):
        lines += _svg_panel(plot, sheet, panel, at)
    return "\n".join([*lines, "unset multiplot", "unset output"])


def _svg_panel(plot, sheet, panel, at):
    row, column = divmod(at, plot.columns)
    left_edge = column * (sheet.across + _GAP)
    top = sheet.top + row * sheet.each + (_TITLE if sheet.titled else 6)
    bottom = top + plot.panel_height
    left, right = left_edge + sheet.left, left_edge + sheet.across - sheet.right
    yield "unset label; unset arrow"
    yield f"set lmargin at screen {sheet.x(left)}; set rmargin at screen {sheet.x(right)}"
    yield f"set tmargin at screen {sheet.y(top)}; set bmargin at screen {sheet.y(bottom)}"
    yield from ranges(panel)
    text = f"tc {ink(palette.INK if panel.rows else palette.MUTED)} scale 0"
    muted = f"tc {ink(palette.MUTED)}"
    yield f"set xtics {tick_marks(panel.x.ticks)} {muted} scale 0 offset 0,0.2"
    size = f"font '{_FONT},{_SIZE if panel.rows else _SMALL}'"
    yield f"set ytics {tick_marks(panel.y.ticks)} {text} {size}"
    yield f"set grid xtics ytics lt 1 lc {ink(palette.GRID)} lw 1"
    if not plot.shared_x or row == sheet.panel_rows - 1:
        middle = (left + right) / 2
        yield sheet.text(panel.x.label, middle, bottom + 36, palette.MUTED, align="center")
    if panel.title:
        title_x = left_edge + (14 if panel.rows else 8)
        yield sheet.text(panel.title, title_x, top - 13, bold=True)
    if panel.y.label and not panel.rows:
        after = left_edge + 8 + (len(panel.title) * _SMALL * 0.62 + 12 if panel.title else 0)
        yield sheet.text(panel.y.label, after, top - 13, palette.MUTED)
    if panel.notes:
        if plot.note_title:
            yield sheet.text(plot.note_title, right + 12, top - 13, palette.MUTED)
        for note in panel.notes:
            y = top + plot.panel_height * (panel.y.high - note.y) / (panel.y.high - panel.y.low)
            yield sheet.text(note.text, right + 12, y)
    if at == 0:
        yield from _svg_surroundings(plot, sheet)
    if panel.line_at is not None:
        yield (
            f"set arrow from first {panel.line_at:.9g}, graph 0 to first {panel.line_at:.9g}, "
            f"graph 1 nohead lw 1.5 lc {ink(palette.FRAME)} back"
        )
    drawn = [series for series in panel.series if any(p is not None for p in series.points)]
    if drawn:
        yield from (data(f"d{index}", series.points) for index, series in enumerate(drawn))
        yield "plot " + ", ".join(
            f"$d{index} {_svg_style(series)} notitle" for index, series in enumerate(drawn)
        )
    else:
        yield "plot NaN notitle"


def _svg_surroundings(plot, sheet):
    y = 12
    for line in sheet.head:
        yield sheet.text(line, 14, y + 6, size=_HEAD, bold=True)
        y += 22
    for line in sheet.subtitle:
        yield sheet.text(line, 14, y + 4, palette.MUTED, size=_SIZE)
        y += 19
    for row, entries in enumerate(sheet.legend):
        y = sheet.legend_top + row * _LEGEND_ROW + 10
        for x, label, series in entries:
            yield from _svg_key(sheet, x, y, series)
            yield sheet.text(label, x + 44, y)
    if plot.foot:
        yield sheet.text(plot.foot, 14, sheet.height - 13, palette.MUTED, size=11)


def _svg_key(sheet, x, y, series):
    if series.kind in ("line", "steps", "spans"):
        yield (
            f"set arrow from screen {sheet.x(x)}, screen {sheet.y(y)} "
            f"to screen {sheet.x(x + 36)}, screen {sheet.y(y)} nohead {_stroke(series)} front"
        )
    if series.kind in ("dots", "line"):
        yield (
            f"set label '' at screen {sheet.x(x + 18)}, screen {sheet.y(y)} "
            f"point pt {_shape(series)} ps {max(series.size, 0.6)} lc {_colour(series)} front"
        )


def _colour(series):
    at = series.colour
    return ink(-at if at < 0 else palette.series(at))


def _dash(series):
    if series.colour < 0 and series.dash is None:
        return "solid"
    at = series.colour if series.dash is None else series.dash
    pattern = palette.DASHES[at % len(palette.DASHES)]
    return "solid" if pattern is None else "(" + ",".join(map(str, pattern)) + ")"


def _shape(series):
    at = 0 if series.colour < 0 else series.colour
    at = at if series.shape is None else series.shape
    return palette.SHAPES[at % len(palette.SHAPES)]


def _stroke(series):
    return f"lw {series.width} dt {_dash(series)} lc {_colour(series)}"


def _svg_style(series):
    if series.kind == "line":
        if series.size and sum(p is not None for p in series.points) <= 60:
            return (
                f"using 1:2 with linespoints {_stroke(series)} pt {_shape(series)} ps {series.size}"
            )
        return f"using 1:2 with lines {_stroke(series)}"
    if series.kind == "steps":
        return f"using 1:2 with steps {_stroke(series)}"
    if series.kind == "dots":
        return f"using 1:2 with points pt {_shape(series)} ps {series.size} lc {_colour(series)}"
    if series.kind == "spans":
        return f"using 1:3:($2-$1):(0) with vectors nohead {_stroke(series)}"
    assert series.kind == "ticks", series.kind
    return f"using 1:($2-$3):(0):(2*$3) with vectors nohead {_stroke(series)}"
