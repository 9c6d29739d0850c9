"""Plots in the page, each with a caption on how to read it and its figures in a table."""

from . import markup, units

HOW = {
    "answer-in-page": "Each row is a level. Each dot is a run; runs are in chronological order "
    "from top to bottom. Below the dots are the median (vertical mark) and the confidence interval "
    "of the centre. Runs are compared within a block, so judge differences by the comparisons, not "
    "by whether the intervals overlap.",
    "costs-in-page": "Each row is a stack size. Each bar is the memory per thread, as the slope "
    "over the number of connections. Bars of the same depth have about the same length: touched "
    "pages cost memory, the stack size costs address space and page tables only.",
    "comparisons": "The ratio of each level to its baseline, with its interval. The vertical line "
    "marks no difference. Filled and coloured: the difference is significant after Holm. Open and "
    "grey: it is not, or no verdict is given.",
    "percentiles": "The latency of the slowest 10 %, 1 %, 0.1 % of the echoes: each step to the "
    "right is ten times rarer. A line ends where fewer than ten echoes lie above it, or where "
    "messages had no answer.",
    "connects": "The share of the connects that were done within a time, counted from the start of "
    "each.",
    "established": "Connections established since the run began. A step of one second is a SYN "
    "that was lost and sent again.",
    "concurrency": "Connections open at the same time, as the client saw it.",
    "memory": "Resident memory of the server's processes. It does not include kernel memory; for "
    "that see the table of results.",
    "throughput": "Verified echoes per second, in each interval of the series.",
    "workers": "Messages per second of each worker of the server. Lines close to each other show "
    "an even load; a line apart from the others shows an uneven one.",
}


def figure(drawing, table=None, left_out=None):
    """A drawing with its caption, what it leaves out, and its figures."""
    words = " ".join(filter(None, (HOW.get(drawing.name), left_out)))
    caption = markup.element("figcaption", words) if words else ""
    picture = markup.element("div", markup.Markup(drawing.inline()), class_="plot")
    return markup.element("figure", picture, caption, table or "", id=f"plot-{drawing.name}")


def table_of(drawn, title):
    table = markup.table(title, drawn.heads, drawn.rows)
    return markup.details("The figures of this plot", table)


def dots(pictures, grid):
    if not pictures:
        return None
    parts = []
    for name, drawing in pictures:
        words = grid.words(name)
        parts.append(markup.element("h3", f"{words[:1].upper()}{words[1:]}"))
        parts.append(figure(drawing, table=_runs_table(grid, name)))
    intro = markup.paragraph(HOW["answer-in-page"], "how")
    return markup.section("runs", "Every run", intro, *parts)


def _runs_table(grid, figure_name):
    cells_ = [cell for cell in grid.cells if cell.values(figure_name)]
    scale = units.scale([cell.median(figure_name) for cell in cells_], grid.unit(figure_name))
    rows = []
    for cell in cells_:
        between = grid.interval(cell.values(figure_name))
        bounds = (between.low, between.high) if between else ()
        interval = " to ".join(map(scale.number, bounds)) or "-"
        median = scale.text(cell.median(figure_name))
        rows.append([grid.name(cell), len(cell.values(figure_name)), median, interval])
    heads = ("cell", "runs", "median", f"{100 * grid.confidence:g} % interval")
    table = markup.table(grid.words(figure_name), heads, rows)
    return markup.details("The figures of this plot", table)


def table_of_runs(grid):
    return _runs_table(grid, grid.primary)
