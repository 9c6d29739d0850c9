"""Progress of an experiment on stderr: a table in a terminal, otherwise a line every ten seconds.

The table has a row for each cell: factor levels, runs done, the median of the primary figure so far
and its spread. It is redrawn in place. If the terminal is too low, it shows the cells around the
one that runs. Nothing depends on this output, so a closed stderr is not an error.

    with live_table.Table(experiment, cells) as table:
        table.show(runs, planned, left_seconds, total)
"""

import contextlib
import os
import statistics
import sys
import time

import compare_plan

from . import plan, table as text_table

#: Seconds between two lines if stderr is not a terminal, so that a log stays readable.
PAUSE = 10


class Table:
    """`stream`: stderr by default. `terminal`: draw a table; unless given, if `stream` is one."""

    def __init__(self, experiment, cells, stream=None, terminal=None, clock=time.monotonic):
        self.stream = stream or sys.stderr
        self.terminal = self.stream.isatty() if terminal is None else terminal
        self.experiment, self.cells, self.clock = experiment, list(cells), clock
        self.drawn, self.printed_at = 0, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    def show(self, runs, planned, left, total):
        """`planned`: the run that begins now; None: no run. `left`: seconds. `total`: all runs."""
        with contextlib.suppress(OSError, ValueError):
            if self.terminal:
                self._draw(self.lines(runs, planned, left, total))
            else:
                self._print_line(self.line(runs, planned, left, total))

    def clear(self):
        with contextlib.suppress(OSError, ValueError):
            if self.drawn:
                self.stream.write(f"\x1b[{self.drawn}F\x1b[J")
                self.stream.flush()
            self.drawn = 0

    def line(self, runs, planned, left, total):
        """"run 17 of 64, block 3: stack 64K, touch 1K; 2 not measured; 1 min 20 s left"."""
        lost = sum(not run.measured for run in runs)
        parts = [f"{len(runs)} of {total} runs done"]
        if planned:
            cell = ", ".join(f"{name} {level}" for name, level in planned.cell.items())
            parts = [f"run {len(runs) + 1} of {total}, block {planned.block}: {cell}"]
        parts += [f"{lost} not measured"] if lost else []
        return "; ".join([*parts, f"{compare_plan.duration_text(left)} left"])

    def lines(self, runs, planned, left, total):
        """The lines of the table."""
        names = [one["name"] for one in self.experiment["design"]["factors"]]
        primary = self.experiment["primary"]
        unit = self.experiment.get("figures", {}).get(primary, {}).get("unit", "")
        by_cell = {}
        for run in runs:
            by_cell.setdefault(plan.key_of(run.cell), []).append(run)
        rows = []
        for cell in self.cells:
            of_cell = by_cell.get(plan.key_of(cell), [])
            values = [run.figures.get(primary) for run in of_cell if run.measured]
            values = [value for value in values if value is not None]
            lost = sum(not run.measured for run in of_cell)
            rows.append(
                [
                    ">" if planned and plan.key_of(cell) == planned.key else " ",
                    *(cell.get(name, "") for name in names),
                    f"{len(of_cell) - lost} of {len(of_cell)}" if lost else len(of_cell),
                    text_table.human(statistics.median(values), unit) if values else "-",
                    text_table.spread(values, unit),
                ]
            )
        heading = [" ", *names, "runs", primary, "min..max"]
        return text_table.aligned(heading, rows) + [self.line(runs, planned, left, total)]

    def _draw(self, lines):
        size = os.terminal_size((80, 24))
        with contextlib.suppress(OSError):
            size = os.get_terminal_size(self.stream.fileno())
        lines = _fitted(lines, (size.lines or 24) - 1)
        up = f"\x1b[{self.drawn}F" if self.drawn else ""
        body = "".join(f"\x1b[K{line[: (size.columns or 80) - 1]}\n" for line in lines)
        self.stream.write(f"{up}{body}\x1b[J")
        self.stream.flush()
        self.drawn = len(lines)

    def _print_line(self, text):
        now = self.clock()
        if self.printed_at is None or now - self.printed_at >= PAUSE:
            self.stream.write(text + "\n")
            self.stream.flush()
            self.printed_at = now


def _fitted(lines, height):
    """The heading, the last line, and as many rows around the marked one as fit."""
    heading, rows, last = lines[0], lines[1:-1], lines[-1]
    room = max(height - 3, 1)
    if len(rows) <= room:
        return lines
    marked = next((at for at, row in enumerate(rows) if row.startswith(">")), 0)
    first = min(max(marked - room // 2, 0), len(rows) - room)
    kept = rows[first : first + room]
    return [heading, *kept, f"  ... {len(rows) - room} more cells", last]
