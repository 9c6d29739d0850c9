"""The page: its sections in their order, the document around them, and the plots beside it.

    made = page.make(material)
    made.html, made.plots        # {"answer": "<?xml ...", ...}

The same input gives the same bytes: the page holds no current time and no path.
"""

import dataclasses

from . import captioned_plots, cell_grid, comparisons, dot_plot, environment, fields, gnuplot
from . import line_plot, markup, merged, rank_tables, result_tables, single_run, stack_bar_chart, style
from . import svg, text_sections, units, warnings_section

#: At most this many other figures get a plot; all are in the tables.
MOST_DOTS = 5


@dataclasses.dataclass(frozen=True)
class Page:
    html: str
    plots: dict  #: name -> a complete SVG file


def plots_of(material):
    """All plots for which there is data, in the order of the page, and their tables."""
    grid = cell_grid.grid(material)
    compared = comparisons.of(material.experiment)
    found, tables = [], {}
    if not material.single:
        for plot in (
            *_first(grid, compared, material),
            dot_plot.comparisons(grid, compared),
            *(dot_plot.of_figure(grid, name, compared) for name in _beside_primary(grid)),
        ):
            if plot:
                found.append(plot)
    for drawn in (
        line_plot.percentiles(grid, material),
        line_plot.established(grid, material),
        line_plot.connects(grid, material),
        *(line_plot.over_time(grid, material, field) for field in ("connected", "server_rss", "echoes_per_s")),
        line_plot.workers(grid, material),
    ):
        if drawn:
            found.append(drawn.plot)
            tables[drawn.plot.name] = drawn
    return grid, compared, found, tables


def _first(grid, compared, material):
    """The picture of the answer: the kind's own plot where it has one, else the runs as dots."""
    own = stack_bar_chart.answer(material) if _kind(material) == stack_bar_chart.KIND else []
    if own and grid.has_figure(grid.primary):
        own.append(dot_plot.of_figure(grid, grid.primary, compared))
    return own or dot_plot.answer(grid, compared, material.experiment, material.runs)


def _kind(material):
    return fields.text_at(material.experiment, "kind")


def _beside_primary(grid):
    """The other main figures, without those that are the same in all runs."""
    kept = []
    for name in grid.main_figures():
        values = {value for cell in grid.cells for value in cell.values(name)}
        if name != grid.primary and len(values) > 1:
            kept.append(name)
    return kept[:MOST_DOTS]


def make(material):
    material.read_all()
    grid, compared, plots, tables = plots_of(material)
    drawn = gnuplot.draw(plots)
    drawings = {plot.name: svg.Drawing.of(plot, drawn[plot.name]) for plot in plots}
    parts = (_single if material.single else _experiment)(material, grid, compared, drawings, tables)
    parts = [part for part in parts if part]
    html = _document(material, parts)
    return Page(html, {plot.name: drawings[plot.name].alone() for plot in plots if plot.kept})


def _figures(drawings, tables, names):
    names = [name for name in names if name in drawings]
    for name in names:
        drawn = tables[name]
        title = drawn.plot.title
        if len(names) > 1:
            yield markup.element("h3", title)
        yield captioned_plots.figure(
            drawings[name], table=captioned_plots.table_of(drawn, title), left_out=drawn.left_out
        )


def _experiment(material, grid, compared, drawings, tables):
    experiment = material.experiment
    own, primary = drawings.get("costs-in-page"), drawings.get("answer-in-page")
    if own:
        pictured = captioned_plots.figure(own, table=stack_bar_chart.table(material))
    else:
        pictured = primary and captioned_plots.figure(primary, table=captioned_plots.table_of_runs(grid))
    forest = drawings.get("comparisons")
    others = [
        (name, drawings[f"figure-{name}"])
        for name in (grid.primary, *_beside_primary(grid))
        if f"figure-{name}" in drawings
    ]
    yield text_sections.question(experiment)
    yield text_sections.answer(experiment, pictured)
    yield warnings_section.section(material, grid)
    yield result_tables.cells(grid)
    yield result_tables.comparisons(grid, compared, forest and captioned_plots.figure(forest))
    yield captioned_plots.dots(others, grid)
    yield from _curves(drawings, tables)
    yield text_sections.further_results(experiment)
    yield text_sections.left_out(material, grid)
    yield environment.section(experiment.get("manifest"))
    yield text_sections.reproduce(material, grid)


def _curves(drawings, tables):
    def part(name, heading, *plots):
        return markup.section(name, heading, *_figures(drawings, tables, plots))

    yield part("percentiles", "Latency by percentile", "percentiles")
    yield part("connecting", "Connecting", "established", "connects")
    yield part("over-time", "Over time", "concurrency", "memory", "throughput")
    yield part("workers", "Workers", "workers")


def _single(material, grid, _, drawings, tables):
    run = material.runs[0]
    client, server = material.client(run), material.server(run)
    said = single_run.verdict(client, server)
    yield markup.section("answer", "Result", markup.paragraph(said, "answer"))
    yield warnings_section.section(material, grid)
    yield markup.section(
        "figures", "Connections, throughput, CPU", single_run.connections(client, server), single_run.rates(client)
    )
    yield rank_tables.section(client)
    yield rank_tables.server(client)
    yield single_run.latencies(client)
    yield from _curves(drawings, tables)
    yield markup.section("balance", "Balance of the workers", single_run.balance(server))
    yield single_run.memory(client, server)
    if merged.is_merged(client):
        yield environment.section(single_run.manifest(None, server), rank_tables.machines(client))
        yield rank_tables.reproduce(client)
    else:
        yield environment.section(single_run.manifest(client, server))
        yield text_sections.reproduce(material, grid)


# ---- the document --------------------------------------------------------------------------------
def _document(material, parts):
    told = material.experiment
    name = fields.text_at(told, "name") or "Experiment"
    kind = text_sections.KINDS.get(fields.text_at(told, "kind"), "")
    head = markup.lines(
        markup.element("meta", charset="utf-8"),
        markup.element("meta", http_equiv="Content-Security-Policy", content=style.POLICY),
        markup.element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        markup.element("meta", name="color-scheme", content="light dark"),
        markup.element("title", f"{name} - echo testbed"),
        markup.element("style", markup.Markup(style.SHEET)),
    )
    body = markup.element(
        "body",
        "\n",
        markup.element("header", markup.element("h1", name), _meta(material, kind), _contents(parts)),
        "\n",
        markup.element("main", "\n", markup.lines(*parts), "\n"),
        "\n",
        markup.element(
            "footer",
            "Echo testbed. A run is the unit of all statistics; only measured runs enter them. "
            "Each column names its unit; the documents beside this page have times in ns and sizes in bytes.",
        ),
        "\n",
    )
    return "<!DOCTYPE html>\n" + markup.element("html", markup.element("head", "\n", head, "\n"), "\n", body, lang="en") + "\n"


def _meta(material, kind):
    told = material.experiment
    measured = sum(run.measured for run in material.runs)
    began = (fields.text_at(told, "begun") or "").replace("T", " ")[:16]
    reps, seed = (fields.number_at(told, "design", name) for name in ("reps", "seed"))
    parts = [
        kind or None,
        began or None,
        None if material.single else units.many(measured, "measured run"),
        f"{reps:,.0f} blocks" if reps else None,
        f"seed {seed}" if seed is not None else None,
        fields.text_at(told, "status") if not material.single else None,
    ]
    words = " · ".join(part for part in parts if part)
    return markup.paragraph(words, "meta")


def _contents(parts):
    import re

    entries = [
        re.search(r'<section id="([a-z-]+)"[^>]*>\n<h2[^>]*>(.*?)</h2>', part).groups() for part in parts
    ]
    items = [markup.element("li", markup.element("a", markup.Markup(text), href=f"#{name}")) for name, text in entries]
    return markup.element("nav", markup.element("ul", *items), aria_label="Contents") if len(items) > 3 else None
