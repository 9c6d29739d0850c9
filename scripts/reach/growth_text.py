"""The rows of scripts/growth as a table and as a plot."""

import math

from page import gnuplot, plot, svg, units

HEADS = ("model", "connections", "tables", "connects/s", "CPU/echo", "echoes/s", "memory/conn.", "p50", "p99")
#: (key of a row, its unit, title of the panel, what the axis says)
PANELS = (
    ("cpu_ns_per_echo", "ns", "CPU of both ends", "per echo"),
    ("bytes_per_connection", "B", "Free memory lost", "per connection"),
    ("connects_per_s", "1/s", "Connects", "per second"),
    ("p99_ns", "ns", "p99 at 10,000 messages/s", "latency"),
)


def cells(row):
    return (
        row["model"],
        f"{row['connections']:,}",
        "-" if row["tables"] is None else str(row["tables"]),
        _text(row["connects_per_s"], "1/s").removesuffix("/s"),
        _text(row["cpu_ns_per_echo"], "ns"),
        _text(row["echoes_per_s"], "1/s").removesuffix("/s"),
        "-" if row["bytes_per_connection"] is None else f"{row['bytes_per_connection']:,.0f} B",
        _text(row["p50_ns"], "ns"),
        _text(row["p99_ns"], "ns"),
    )


def _text(value, unit):
    return "-" if value is None else units.text(value, unit).replace(units.SPACE, " ")


def lines(rows):
    table = [HEADS, *map(cells, rows)]
    widths = [max(len(line[at]) for line in table) for at in range(len(HEADS))]
    return [
        f"{line[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:]))
        for line in table
    ]


def markdown(rows):
    table = ["| " + " | ".join(HEADS) + " |", "|---|" + "---:|" * (len(HEADS) - 1)]
    return table + ["| " + " | ".join(cells(row)) + " |" for row in rows]


def connections_axis(numbers):
    """Logarithmic, with a tick at each power of ten and at the last number."""
    low, high = math.log10(min(numbers)), math.log10(max(numbers))
    powers = [at for at in range(math.ceil(low), math.floor(high) + 1)]
    ticks = tuple((at, f"{10**at:,}") for at in powers) or ((low, f"{min(numbers):,}"),)
    margin = 0.03 * max(high - low, 0.1)
    return units.Axis("connections", low - margin, high + margin, ticks, log=True)


def picture(rows):
    """The plot as SVG text. Raises gnuplot.Missing or gnuplot.Failed."""
    models = list(dict.fromkeys(row["model"] for row in rows))
    x = connections_axis([row["connections"] for row in rows])
    panels = []
    for key, unit, title, label in PANELS:
        values = [row[key] for row in rows if row[key]]
        if not values:
            continue
        y = units.axis(values, unit, label)
        series = [
            plot.Series(
                [
                    (x.place(row["connections"]), y.place(row[key]))
                    for row in rows
                    if row["model"] == model and row[key] and math.isfinite(row[key])
                ],
                kind,
                at,
                model if kind == "line" else "",
            )
            for at, model in enumerate(models)
            for kind in ("line", "dots")
        ]
        panels.append(plot.Panel(x, y, series, title))
    drawn = plot.Plot(
        name="growth",
        title="What a connection costs, by their number",
        about="CPU per echo, memory per connection, connects per second and p99, against the number "
        "of connections; one line per model.",
        panels=panels,
        columns=2,
        width=860,
        panel_height=200,
    )
    return svg.Drawing.of(drawn, gnuplot.draw([drawn])["growth"]).alone()
