"""The colours of page and plots, light and dark, and the marks that do not depend on colour.

Eight hues after Okabe and Ito (https://jfly.uni-koeln.de/color/), which remain distinct in every
common colour blindness; darkened or lightened until each has a contrast of 3:1 or more to its
background. No series is distinguished by colour alone: each also has its own dash pattern and point
shape.

gnuplot has no classes. It draws in stand-in colours, #0000NN, which svg.py turns into classes kNN.
"""

#: Stand-ins, by meaning. The series are numbered from SERIES on.
FRAME, GRID, INK, MUTED, PAPER, ACCENT, SERIES = 1, 2, 3, 4, 5, 6, 16

_LIGHT = {FRAME: "#6b7280", GRID: "#e3e6ea", INK: "#1b1f24", MUTED: "#57606a", PAPER: "#ffffff"}
_DARK = {FRAME: "#8b949e", GRID: "#2c333b", INK: "#e6e8eb", MUTED: "#9aa4af", PAPER: "#14181d"}
_LIGHT[ACCENT], _DARK[ACCENT] = "#b3261e", "#ff8a80"
_SERIES = [  # light, dark
    ("#0072b2", "#58b4ea"),  # blue
    ("#c74e00", "#ff9446"),  # vermilion
    ("#00805f", "#2fcb9f"),  # bluish green
    ("#a8467f", "#ec96c9"),  # reddish purple
    ("#8f6a00", "#e9bd3a"),  # yellow, dark enough for paper
    ("#5a4fcf", "#aaa3ff"),  # violet
    ("#3f4954", "#c9d1d9"),  # grey
    ("#0e7f93", "#5ed3e6"),  # cyan
]
SERIES_COUNT = len(_SERIES)
LIGHT = _LIGHT | {SERIES + at: pair[0] for at, pair in enumerate(_SERIES)}
DARK = _DARK | {SERIES + at: pair[1] for at, pair in enumerate(_SERIES)}

#: Lengths of dash and gap, in gnuplot's units; None: solid.
DASHES = (None, (12, 5), (3, 4), (14, 5, 3, 5), (20, 6), (7, 4), (3, 9), (14, 4, 3, 4, 3, 4))
#: gnuplot's point types: circle, square, triangle, diamond, triangle down; then open ones.
SHAPES = (7, 5, 9, 13, 11, 6, 4, 12)


def series(at):
    """The stand-in of the at-th series. After the last hue it starts over."""
    return SERIES + at % SERIES_COUNT


def stand_in(meaning):
    return f"#0000{meaning:02x}"


def rules(colours, prefix=""):
    """Style rules that give each class its colour."""
    return "".join(f"{prefix}.k{meaning}{{color:{c}}}" for meaning, c in sorted(colours.items()))
