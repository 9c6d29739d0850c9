"""The page: its parts in their order, the document around them, and the plots beside it.

    made = page.make(material)
    made.html, made.plots        # {"answer": "<?xml ...", ...}

The same material gives the same bytes: no clock, no name of a machine or a folder goes into it.
"""

import dataclasses

from . import answers, bars, caveats, cells, dots, environment, gnuplot, lines, markup, pictures
from . import results, sections, single, source, style, svg, units

#: Of the other figures, so many get a plot of their own; all are in the tables.
MOST_DOTS = 5


@dataclasses.dataclass(frozen=True)
class Page:
    html: str
    plots: dict  #: name -> a whole SVG file


def plots_of(material):
    """All plots that the material has data for, in the page's order, and their tables."""
    grid = cells.grid(material)
    told = answers.of(material.experiment)
    found, tables = [], {}
    if not material.single:
        for plot in (
            *_first(grid, told, material),
            dots.comparisons(grid, told),
            *(dots.of_figure(grid, name, told) for name in _beside_primary(grid)),
        ):
            if plot:
                found.append(plot)
    for drawn in (
        lines.percentiles(grid, material),
        lines.established(grid, material),
        lines.connects(grid, material),
        *(lines.over_time(grid, material, field) for field in ("connected", "server_rss", "echoes_per_s")),
        lines.workers(grid, material),
    ):
        if drawn:
            found.append(drawn.plot)
            tables[drawn.plot.name] = drawn
    return grid, told, found, tables


def _first(grid, told, material):
    """The picture of the answer: of a kind's own where it has one, else the runs as dots."""
    own = bars.answer(material) if _kind(material) == bars.KIND else []
    if own and grid.told(grid.primary):
        own.append(dots.of_figure(grid, grid.primary, told))
    return own or dots.answer(grid, told, material.experiment, material.runs)


def _kind(material):
    return source.text_at(material.experiment, "kind")


def _beside_primary(grid):
    """Other main figures that are not the same in all runs: those have nothing to show."""
    kept = []
    for name in grid.main_figures():
        values = {value for cell in grid.cells for value in cell.values(name)}
        if name != grid.primary and len(values) > 1:
            kept.append(name)
    return kept[:MOST_DOTS]


def make(material):
    material.read_all()
    grid, told, plots, tables = plots_of(material)
    drawn = gnuplot.draw(plots)
    drawings = {plot.name: svg.Drawing.of(plot, drawn[plot.name]) for plot in plots}
    parts = (_single if material.single else _experiment)(material, grid, told, drawings, tables)
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
        yield pictures.figure(
            drawings[name], behind=pictures.behind(drawn, title), left_out=drawn.left_out
        )


def _experiment(material, grid, told, drawings, tables):
    experiment = material.experiment
    own, primary = drawings.get("costs-in-page"), drawings.get("answer-in-page")
    if own:
        pictured = pictures.figure(own, behind=bars.behind(material))
    else:
        pictured = primary and pictures.figure(primary, behind=pictures.runs_behind(grid))
    forest = drawings.get("comparisons")
    others = [
        (name, drawings[f"figure-{name}"])
        for name in (grid.primary, *_beside_primary(grid))
        if f"figure-{name}" in drawings
    ]
    yield sections.question(experiment)
    yield sections.answer(experiment, pictured)
    yield caveats.section(material, grid)
    yield results.cells(grid)
    yield results.comparisons(grid, told, forest and pictures.figure(forest))
    yield pictures.dots(others, grid)
    yield from _curves(drawings, tables)
    yield sections.findings(experiment)
    yield sections.left_out(material, grid)
    yield environment.section(experiment.get("manifest"))
    yield sections.reproduce(material, grid)


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
    said = single.verdict(client, server)
    yield markup.section("answer", "What came of it", markup.paragraph(said, "answer"))
    yield caveats.section(material, grid)
    yield markup.section(
        "figures", "Connections, throughput, CPU", single.connections(client, server), single.rates(client)
    )
    yield single.latencies(client)
    yield from _curves(drawings, tables)
    yield markup.section("balance", "How the workers shared it", single.balance(server))
    yield single.memory(client, server)
    yield environment.section(single.manifest(client, server))
    yield sections.reproduce(material, grid)


# ---- the document --------------------------------------------------------------------------------
def _document(material, parts):
    told = material.experiment
    name = source.text_at(told, "name") or "Experiment"
    kind = sections.KINDS.get(source.text_at(told, "kind"), "")
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
            "Echo testbed. A run is the unit of all statistics; only measured ones enter them. "
            "Times and sizes are in the unit of their column; the documents beside this page have them in ns and bytes.",
        ),
        "\n",
    )
    return "<!DOCTYPE html>\n" + markup.element("html", markup.element("head", "\n", head, "\n"), "\n", body, lang="en") + "\n"


def _meta(material, kind):
    told = material.experiment
    measured = sum(run.measured for run in material.runs)
    began = (source.text_at(told, "begun") or "").replace("T", " ")[:16]
    reps, seed = (source.number_at(told, "design", name) for name in ("reps", "seed"))
    parts = [
        kind or None,
        began or None,
        None if material.single else units.many(measured, "measured run"),
        f"{reps:,.0f} blocks" if reps else None,
        f"seed {seed}" if seed is not None else None,
        source.text_at(told, "status") if not material.single else None,
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
