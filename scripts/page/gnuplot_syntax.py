"""Elements of gnuplot's language that both scripts use.

Text is put into single quotes, where gnuplot expands neither `commands` nor @macros. Control
characters are removed first: names and warnings come from files of unknown origin.
"""

from . import palette


def quoted(text):
    """In single quotes, on one line, without characters that control a terminal or break XML."""
    kept = "".join(c if c.isprintable() else " " for c in str(text))
    return "'" + kept.replace("'", "''") + "'"


def data(name, points):
    rows = [" ".join(f"{value:.9g}" for value in point or ()) for point in points]
    return f"${name} << EOD\n" + "\n".join(rows) + "\nEOD"


def tick_marks(marks):
    """gnuplot takes the texts of ticks for formats, so each % is doubled."""
    named = (f"{quoted(str(text).replace('%', '%%'))} {place:.9g}" for place, text in marks)
    return "(" + ", ".join(named) + ")"


def ranges(panel):
    yield f"set xrange [{panel.x.low:.9g}:{panel.x.high:.9g}]"
    yield f"set yrange [{panel.y.low:.9g}:{panel.y.high:.9g}]"


def ink(meaning):
    return f"rgb '{palette.stand_in(meaning)}'"
