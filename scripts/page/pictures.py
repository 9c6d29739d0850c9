"""Plots in the page: each with how it is read, and the figures behind it in a table."""

from . import markup, units

HOW = {
    "answer-in-page": "Each row is a level. Dots are runs, in the order in which they were made "
    "from top to bottom; below them the median (upright stroke) and the interval of the centre."
    " Runs of one block share what the machine did then, so read differences from the "
    "comparisons, not from bars that overlap.",
    "costs-in-page": "Each row is a size of stack, each bar the memory that a thread of it takes,"
    " as the slope over the number of connections. Bars of one depth are about as long: what is"
    " touched costs, and the size is addresses, but for its page tables.",
    "comparisons": "The ratio of each level to its baseline, with its interval; the upright line "
    "is no difference. Filled and coloured: a difference that holds after Holm. Open and grey: "
    "none that does, or no verdict is given.",
    "percentiles": "How long the slowest 10 %, 1 %, 0.1 % waited: each step to the right is ten "
    "times rarer. A line ends where fewer than ten echoes lie above, or where messages were "
    "given up.",
    "connects": "A point says which share of the connects was done within that time, counted from"
    " each one's own start.",
    "established": "Connections established since the run began. A step of a second is a SYN that"
    " was lost and sent again.",
    "concurrency": "Connections open at a time, as the client saw it.",
    "memory": "Resident memory of the server's processes. It misses what the kernel holds for "
    "them; see the table of results.",
    "throughput": "Verified echoes a second, in each interval of the series.",
    "workers": "Messages of each worker of the server. Lines that lie together are an even load; "
    "one that leaves the others took or lost some of theirs.",
}


def figure(drawing, behind=None, left_out=None):
    """A drawing with what it says, how it is read, and the figures behind it."""
    words = " ".join(filter(None, (HOW.get(drawing.name), left_out)))
    caption = markup.element("figcaption", words) if words else ""
    picture = markup.element("div", markup.Markup(drawing.inline()), class_="plot")
    return markup.element("figure", picture, caption, behind or "", id=f"plot-{drawing.name}")


def behind(drawn, title):
    table = markup.table(title, drawn.heads, drawn.rows)
    return markup.details("The figures behind this plot", table)


def dots(pictures, grid):
    if not pictures:
        return None
    parts = []
    for name, drawing in pictures:
        words = grid.words(name)
        parts.append(markup.element("h3", f"{words[:1].upper()}{words[1:]}"))
        parts.append(figure(drawing, behind=_runs_table(grid, name)))
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
    return markup.details("The figures behind this plot", table)


def runs_behind(grid):
    return _runs_table(grid, grid.primary)
