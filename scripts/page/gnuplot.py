"""Runs gnuplot, which draws all plots: those of the page, of README and of the terminal.

One gnuplot process draws all plots of a page; starting one per plot would cost more than drawing.
gnuplot_svg.py and gnuplot_text.py write its scripts.

    gnuplot.draw([plot, ...]) -> {name: SVG text as gnuplot wrote it}
    gnuplot.terminal(plot, columns=100) -> text
"""

import pathlib
import shutil
import subprocess
import tempfile

from . import gnuplot_svg, gnuplot_text

INSTALL = "apt-get install --no-install-recommends gnuplot-nox"
TIMEOUT = 60


class Missing(Exception):
    """gnuplot is not installed."""


class Failed(Exception):
    """gnuplot failed or did not end; the text holds its error message."""


def found():
    return shutil.which("gnuplot")


def _run(script):
    program = found()
    if not program:
        raise Missing(f"gnuplot is missing; type: {INSTALL}")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "plots.gp"
        path.write_text(script, errors="replace")
        try:
            done = subprocess.run(
                [program, "-d", path.name],  # -d: ignore ~/.gnuplot
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise Failed(f"gnuplot did not end within {TIMEOUT} s") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").split("\n")
            lines = [line.strip() for line in said if line.strip(" \t^")]
            raise Failed(f"gnuplot ended with {done.returncode}: {' '.join(lines[-2:])}")
        return {
            out.stem: out.read_text(errors="replace")
            for out in sorted(pathlib.Path(folder).glob("*.out"))
        }


def draw(plots):
    if not found():
        raise Missing(f"gnuplot is missing; type: {INSTALL}")
    scripts = [gnuplot_svg.script(plot) for plot in plots]
    return _run("\n".join(scripts)) if scripts else {}


def terminal(plot, columns=100):
    """The panels in ASCII, one below the other."""
    columns = max(40, min(columns, 200))
    script = "\n".join(
        gnuplot_text.script(plot, panel, f"{at:03}", columns)
        for at, panel in enumerate(plot.panels)
    )
    parts = _run(script)
    return "\n".join("\n".join(_trimmed(parts[name])) for name in sorted(parts)) + "\n"


def _trimmed(text):
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines
