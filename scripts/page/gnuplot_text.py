"""A panel as a script for gnuplot's `dumb` terminal: a plot in characters."""

from .gnuplot_syntax import data, quoted, ranges, tick_marks

_LETTERS = "oxv#%&@+"


def script(plot, panel, name, columns):
    rows = len(panel.y.ticks) * 2 + 7 if panel.rows else 20
    kept = [series for series in panel.series if any(p is not None for p in series.points)]
    # A list of names has no room for a legend, and all its spans look alike here.
    named = plot.legend and not panel.rows
    key = [series.label for series in kept if series.label and named]
    lines = [
        "reset",
        f"set terminal dumb size {columns},{min(rows + len(set(key)), 60)} noenhanced",
        f"set output '{name}.out'",
        "set key outside bottom left Left reverse" if len(key) > 1 else "unset key",
        "set border 3",
        *ranges(panel),
        f"set xtics nomirror {tick_marks(panel.x.ticks)}",
        f"set ytics nomirror {tick_marks(panel.y.ticks)}",
        f"set xlabel {quoted(panel.x.label)}",
    ]
    title = panel.title if panel.rows else " - ".join(filter(None, (panel.title, panel.y.label)))
    lines.append(f"set title {quoted(title or plot.title)}")
    if panel.notes:
        longest = max(len(note.text) for note in panel.notes)
        lines.append(f"set rmargin {longest + 3}")
        lines += [
            f"set label {quoted(note.text)} at graph 1, first {note.y:.9g} offset 1,0"
            for note in panel.notes
        ]
    lines += [data(f"d{index}", series.points) for index, series in enumerate(kept)]
    lines.append("plot " + (", ".join(_text_styles(kept, len(key) > 1)) or "NaN notitle"))
    return "\n".join([*lines, "unset output"])


def _text_styles(kept, keyed):
    for index, series in enumerate(kept):
        title = f"title {quoted(series.label)}" if keyed and series.label else "notitle"
        letter = _LETTERS[max(series.colour, 0) % len(_LETTERS)]
        if series.kind in ("line", "steps"):
            yield f"$d{index} using 1:2 with points pt '{letter}' {title}"
        elif series.kind == "spans":
            yield f"$d{index} using 1:3:($2-$1):(0) with vectors nohead {title}"
        elif series.kind == "ticks":
            yield f"$d{index} using 1:2 with points pt '|' {title}"
        else:
            point = "." if series.size < 0.6 else "O"
            yield f"$d{index} using 1:2 with points pt '{point}' {title}"
