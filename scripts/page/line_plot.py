"""The plots with lines: percentiles, connects, time series, and the workers.

A line is a level of the main factor; a panel is a combination of the levels of the others.
Percentiles and connects merge all measured runs of a cell. A time series shows one run, the median
one by the primary figure: an average over runs would hide peaks and steps.
"""

import dataclasses

from . import curve_points, palette, plot, units

MOST_PANELS, MOST_LINES = 6, 8
_WIDE = 860
_PERCENTS = ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"))
_PERCENTS += ((0.99999, "99.999 %"), (0.999999, "99.9999 %"))


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A plot, the table of its figures, and a note on what it leaves out."""

    plot: plot.Plot
    heads: tuple
    rows: list
    left_out: str = ""


def _of_cells(grid, lines_of):
    """[(facet title, [(cell, points)])] of the cells that have points, and a note on the rest."""
    panels, hidden = [], 0
    for title, _, cells in grid.facets():
        kept = [(cell, points) for cell in cells for points in [lines_of(cell)] if points]
        hidden += max(0, len(kept) - MOST_LINES)
        if kept:
            panels.append((title, kept[:MOST_LINES]))
    hidden += sum(len(kept) for _, kept in panels[MOST_PANELS:])
    left_out = f"{hidden} more cells are not drawn; see the table of results." if hidden else ""
    return panels[:MOST_PANELS], left_out


def _columns(panels):
    return 1 if len(panels) == 1 else 2


def _legend_name(grid, cell):
    return grid.level(cell) if grid.main else ""


def _panel(grid, x, y, title, kept, kind="line", size=0.0, place=None):
    place = place or (lambda point: (x.place(point[0]), y.place(point[1])))
    series = [
        plot.Series(
            [place(point) for point in points],
            kind,
            grid.colour(cell),
            _legend_name(grid, cell),
            width=1.8,
            size=size,
        )
        for cell, points in kept
    ]
    return plot.Panel(x, y, series, title)


# ---- latency -------------------------------------------------------------------------------------
def percentiles(grid, material):
    """Latency against percentile, all measured runs of a cell together."""
    histograms = {}

    def lines_of(cell):
        clients = [material.client(run) for run in cell.measured]
        histograms[cell.key] = curve_points.merged([client for client in clients if client])
        points = curve_points.percentiles(*histograms[cell.key])
        # The fastest 1 % show nothing, and would take half of a logarithmic axis.
        points = [point for point in points if point[0] >= 0.01]
        return curve_points.thinned(points, lambda point: curve_points.nines(point[0]))

    panels, left_out = _of_cells(grid, lines_of)
    if not panels:
        return None
    every = [point for _, kept in panels for _, points in kept for point in points]
    y = units.axis([value for _, value in every], "ns", "echo latency")
    last = max(curve_points.nines(fraction) for fraction, _ in every)
    places = [(curve_points.nines(fraction), text) for fraction, text in _PERCENTS]
    ticks = tuple(tick for tick in places if tick[0] <= last + 0.15)
    x = units.Axis("percentile of the echoes", 0, max(last, ticks[-1][0] if ticks else 0) + 0.1, ticks)
    shown = [
        _panel(grid, x, y, title, kept, place=lambda p: (curve_points.nines(p[0]), y.place(p[1])))
        for title, kept in panels
    ]
    picture = plot.Plot(
        name="percentiles",
        title="Echo latency by percentile",
        about="Echo latency against percentile, one line per level. " + _ends(grid, panels),
        panels=shown,
        columns=_columns(panels),
        width=_WIDE,
        panel_height=300 if len(panels) == 1 else 220,
    )
    fractions = [f for f, _ in _PERCENTS if f < 0.99999]
    values = {
        key: [curve_points.percentile(counts, f, bound) for f in fractions]
        for key, (counts, bound) in histograms.items()
    }
    scale = units.scale([v for row in values.values() for v in row], "ns")
    rows = [
        [grid.name(cell), f"{sum(histograms[cell.key][0].values()):,}"]
        + [scale.number(value) for value in values[cell.key]]
        for cell in grid.cells
        if histograms.get(cell.key, ({}, None))[0]
    ]
    heads = ("cell", "echoes", *(f"{text} ({scale.unit})" for _, text in _PERCENTS[: len(fractions)]))
    return Drawn(picture, heads, rows, left_out)


def _ends(grid, panels):
    parts = []
    for title, kept in panels:
        for cell, points in kept:
            middle = next((v for f, v in points if f >= 0.5), None)
            where = f"{title}, " if title else ""
            label = f"{where}{_legend_name(grid, cell)}".strip(", ") or "All"
            parts.append(
                f"{label}: median {units.text(middle, 'ns')}, "
                f"{100 * points[-1][0]:.4g} % within {units.text(points[-1][1], 'ns')}"
            )
    return ". ".join(parts) + "."


# ---- connects ------------------------------------------------------------------------------------
def established(grid, material):
    """Connections established over time, where the series has enough samples of the ramp."""

    def lines_of(cell):
        run = cell.typical(grid.primary)
        lines = material.series(run) if run else []
        return curve_points.established(lines) if curve_points.shows_ramp(lines) else []

    return _over_time(
        grid,
        lines_of,
        *("established", "Connections established", "connections", "1"),
        "Connections established since the run began, one run per level",
    )


def connects(grid, material):
    """The share of the connects done within a time, all measured runs of a cell together."""
    histograms = {}

    def lines_of(cell):
        clients = [material.client(run) for run in cell.measured]
        counts, _ = curve_points.merged([client for client in clients if client], "connect")
        histograms[cell.key] = counts
        return curve_points.shares(counts) if counts else []

    panels, left_out = _of_cells(grid, lines_of)
    if not panels:
        return None
    every = [point for _, kept in panels for _, points in kept for point in points]
    x = units.axis([value for value, _ in every], "ns", "connect time")
    ticks = tuple((share, f"{share} %") for share in (0, 25, 50, 75, 100))
    y = units.Axis("share of the connects", 0, 104, ticks)
    place = lambda p: (x.place(p[0]), 100 * p[1])  # noqa: E731
    shown = [_panel(grid, x, y, title, kept, place=place) for title, kept in panels]
    percents = (0.5, 0.9, 0.99)
    values = {k: [curve_points.percentile(c, f) for f in percents] for k, c in histograms.items()}
    scale = units.scale([v for row in values.values() for v in row], "ns")
    rows = [
        [grid.name(cell), f"{sum(histograms[cell.key].values()):,}"]
        + [scale.number(value) for value in values[cell.key]]
        for cell in grid.cells
        if histograms.get(cell.key)
    ]
    picture = plot.Plot(
        name="connects",
        title="Connect time",
        about="Share of the connects done within a time, one line per level. Half of them: "
        + "; ".join(f"{row[0]} {row[2]} {scale.unit}" for row in rows[:12])
        + ".",
        panels=shown,
        columns=_columns(panels),
        width=_WIDE,
        panel_height=230 if len(panels) == 1 else 190,
    )
    heads = ("cell", "connects", *(f"{100 * f:g} % ({scale.unit})" for f in percents))
    return Drawn(picture, heads, rows, left_out)


# ---- over time -----------------------------------------------------------------------------------
_TIMES = {
    "connected": ("concurrency", "Open connections", "connections", "1"),
    "server_rss": ("memory", "Resident memory of the server", "resident memory", "B"),
    "echoes_per_s": ("throughput", "Echoes per second", "echoes", "1/s"),
}


def over_time(grid, material, field):
    """A field of the client's series, of the median run of each cell."""
    name, title, label, unit = _TIMES[field]

    def lines_of(cell):
        run = cell.typical(grid.primary)
        points = curve_points.over_time(material.series(run), field) if run else []
        points = points if len(points) > 2 else []
        if points and field == "connected":
            points = [(0.0, 0), *points]
        return curve_points.thinned(points, lambda point: point[0])

    about = f"{title}, over time, one run per level"
    return _over_time(grid, lines_of, name, title, label, unit, about)


def _over_time(grid, lines_of, name, title, label, unit, about):
    panels, left_out = _of_cells(grid, lines_of)
    if not panels:
        return None
    every = [point for _, kept in panels for _, points in kept for point in points]
    x = units.time_axis([second for second, _ in every])
    y = units.axis([value for _, value in every], unit, label, zero=True)
    shown = [_panel(grid, x, y, facet, kept) for facet, kept in panels]
    scale = units.scale([value for _, value in every], unit)
    inside = f" ({scale.unit})" if scale.unit else ""
    rows = [
        [grid.name(cell), f"{points[-1][0]:.1f}"]
        + [scale.number(fold([value for _, value in points])) for fold in (min, _middle, max)]
        for _, kept in panels
        for cell, points in kept
    ]
    picture = plot.Plot(
        name=name,
        title=title,
        about=f"{about}. Maximum: "
        + "; ".join(f"{row[0]} {row[4]} {scale.unit}".strip() for row in rows[:12])
        + ".",
        panels=shown,
        columns=_columns(panels),
        width=_WIDE,
        panel_height=190 if len(panels) == 1 else 160,
    )
    heads = ("cell", "until (s)", f"minimum{inside}", f"median{inside}", f"maximum{inside}")
    return Drawn(picture, heads, rows, left_out)


def _middle(values):
    return sorted(values)[len(values) // 2]


# ---- workers -------------------------------------------------------------------------------------
def workers(grid, material):
    """Messages of each worker over time, of the median run of each cell."""
    found = []
    for cell in grid.cells:
        run = cell.typical(grid.primary)
        lines = curve_points.workers(material.server(run)) if run else []
        lines = [curve_points.thinned(line, lambda point: point[0]) for line in lines]
        if lines and len(lines[0]) > 2:
            found.append((cell, lines))
    several = [one for one in found if len(one[1]) > 1]
    kept = (several or found)[:MOST_PANELS]
    if not kept:
        return None
    every = [point for _, lines in kept for line in lines for point in line]
    x = units.axis([0, *(s for s, _ in every)], "s", "time since the server began", zero=True)
    y = units.axis([value for _, value in every], "1/s", "messages of each worker", zero=True)
    most = max(len(lines) for _, lines in kept)
    shown = [
        plot.Panel(x, y, list(_worker_lines(lines, x, y, most)), grid.name(cell) if grid.factors else "")
        for cell, lines in kept
    ]
    rows = [
        [grid.name(cell), str(worker), f"{_mean(line):,.0f}", f"{_most(line):,.0f}"]
        for cell, lines in kept
        for worker, line in enumerate(lines)
    ]
    hidden = len(several or found) - len(kept)
    picture = plot.Plot(
        name="workers",
        title="Messages of each worker",
        about="Messages per second of each worker of the server over time. Mean of each: "
        + "; ".join(f"{row[0]}, worker {row[1]}: {row[2]}/s" for row in rows[:16])
        + ".",
        panels=shown,
        columns=_columns(kept),
        width=_WIDE,
        panel_height=220 if len(kept) == 1 else 180,
    )
    left_out = f"{hidden} more cells are not drawn." if hidden > 0 else ""
    heads = ("cell", "worker", "mean (messages/s)", "maximum (messages/s)")
    return Drawn(picture, heads, rows[:200], left_out)


def _worker_lines(lines, x, y, most):
    for worker, line in enumerate(lines):
        points = [(x.place(second), y.place(value)) for second, value in line]
        if most > MOST_LINES:  # too many lines for colours: only one apart from the others matters
            yield plot.Series(points, "line", -palette.FRAME, width=1, size=0)
        else:
            yield plot.Series(points, "line", worker, f"worker {worker}", width=1.6, size=0)


def _mean(line):
    return sum(value for _, value in line) / len(line)


def _most(line):
    return max(value for _, value in line)
