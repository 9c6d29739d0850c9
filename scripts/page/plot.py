"""A plot as data: panels with axes and series, and the legend that they share.

Positions are positions on the axes (units.Axis.place): logarithms have been taken. Text may hold
any character: gnuplot_syntax.py escapes it for gnuplot, svg.py for XML.
"""

import dataclasses

from . import units


@dataclasses.dataclass(frozen=True)
class Series:
    points: list  #: of (x, y); None interrupts a line
    kind: str  #: line, steps, dots, ticks (short upright strokes), spans (from x, to x, y)
    colour: int  #: which hue, or a negative palette meaning
    label: str = ""  #: empty: not in the legend
    width: float = 1.6
    size: float = 0.6
    shape: int | None = None  #: None: as the colour
    dash: int | None = None  #: None: as the colour


@dataclasses.dataclass(frozen=True)
class Note:
    """Text at a row of the panel's y axis, in the right margin."""

    y: float
    text: str


@dataclasses.dataclass(frozen=True)
class Panel:
    x: units.Axis
    y: units.Axis
    series: list
    title: str = ""
    notes: tuple = ()
    rows: bool = False  #: y is a list of names, and its axis is not drawn
    line_at: float | None = None  #: a vertical reference line


@dataclasses.dataclass(frozen=True)
class Plot:
    name: str  #: of its file
    title: str
    about: str  #: what it shows, as text for screen readers
    panels: list
    columns: int = 1
    panel_height: int = 230  #: of the drawing area, without axis and title
    width: int = 760
    headline: str = ""  #: printed above, in the picture itself
    subtitle: str = ""  #: below the headline
    foot: str = ""
    legend: bool = True
    note_title: str = ""
    shared_x: bool = False  #: only the lowest panels have a label of the x axis
    kept: bool = True  #: also written as a file beside the page

    def entries(self):
        """The entries of the legend, each once: (label, series)."""
        found = {}
        for panel in self.panels:
            for series in panel.series:
                if series.label:
                    found.setdefault(series.label, series)
        return list(found.items())
