"""The loop over an experiment's runs, and its end; the same for every kind of experiment.

    planned = plan.blocks(cells, reps, seed)
    code = session.carry_out(folder, planned, run_one, cap_s=600, cool_down=0)
    sys.exit(session.conclude(folder, code))

Runs that ended are in the folder, whatever happens. An interrupted run is not stored; the same
command runs it again.
"""

import sys
import time

import compare_plan
import entry_point
import orphans
from entry_point import Interrupted
from streams import discard_stdout, log

from . import answer, answer_text, folder as results, live_table, plan, run_record, summary, table
from .summary import make_page, with_options

DONE, FAILED, USAGE, MISSING, OUTPUT = 0, 1, 2, 3, 7


def carry_out(
    folder, planned, run_one, cap_s=None, cool_down=0.0, table_of=None, capped_code=FAILED
):
    """Makes the planned runs that the folder does not hold yet, in order. `run_one` takes a
    plan.Planned and returns a run_record.Run. Returns an exit code and sets the folder's status.

    `cap_s`: starts no run that would end later than this, in seconds. `capped_code`: the exit code
    if that skipped runs. `table_of`: a live_table.Table.
    """
    orphans.adopt()
    loop = _Loop(folder, planned, run_one, cap_s, cool_down)
    loop.table = table_of or live_table.Table(folder.experiment, loop.cells())
    before = entry_point.handle(entry_point.interrupt)
    try:
        status, code = loop.run_all()
        if status == "capped":
            code = max(code, capped_code)
    except Interrupted as by:
        status, code = "interrupted", 128 + by.args[0]
    except results.CannotWrite as error:
        loop.table.clear()
        log(str(error))
        status, code = "failed", OUTPUT
    finally:
        loop.table.clear()
        orphans.end_all()
        entry_point.restore(before)
    try:
        folder.update(status=status)
    except results.CannotWrite as error:
        if code != OUTPUT:
            log(str(error))
        return OUTPUT
    return code


class _Loop:
    def __init__(self, folder, planned, run_one, cap_s, cool_down):
        self.folder, self.planned, self.run_one = folder, list(planned), run_one
        self.cap_s, self.cool_down = cap_s, cool_down
        self.runs = folder.runs()
        self.done = {run.run for run in self.runs}
        self.impossible = {}  # {cell: its refused or infeasible run}
        for run in self.runs:
            self._note(run)
        design = folder.experiment["design"]
        self.forecast = Forecast(
            (design.get("seconds") or 0) + (design.get("warm_up") or 0) + cool_down
        )
        for run in self.runs:
            self.forecast.saw(plan.key_of(run.cell), run.took_s + cool_down)

    def cells(self):
        seen = {}
        for one in self.planned:
            seen.setdefault(one.key, one.cell)
        cells = table.cells_of(self.folder.experiment)
        order = {plan.key_of(cell): at for at, cell in enumerate(cells)}
        return [seen[key] for key in sorted(seen, key=lambda key: order.get(key, len(order)))]

    def _note(self, run):
        if run.impossible:
            self.impossible.setdefault(plan.key_of(run.cell), run)

    def remaining(self):
        return [
            one
            for one in self.planned
            if one.run not in self.done and one.key not in self.impossible
        ]

    def run_all(self):
        """(status, exit code)."""
        begun = time.monotonic()
        while True:
            todo = self.remaining()
            if not todo:
                break
            one, elapsed = todo[0], time.monotonic() - begun
            if self.cap_s is not None and elapsed + self.forecast.of(one.key) > self.cap_s:
                return "capped", self.code()
            seconds = sum(self.forecast.of(each.key) for each in todo)
            if self.cap_s is not None:
                seconds = min(seconds, self.cap_s - elapsed)
            total = len(self.runs) + len(todo)
            self.table.show(self.runs, one, seconds, total)
            if self.cool_down and self.runs:
                time.sleep(self.cool_down)
            self.measure(one)
        self.table.show(self.runs, None, 0, len(self.runs))
        return "complete", self.code()

    def code(self):
        """The exit code. An infeasible cell is a result; a program's failure is an error."""
        measured = any(run.measured for run in self.runs)
        if not measured and self.runs and all(run.outcome == "refused" for run in self.runs):
            return MISSING
        lost = any(run.outcome in ("failed", "faulted", "refused") for run in self.runs)
        return FAILED if lost or not measured else DONE

    def measure(self, one):
        began = time.monotonic()
        run = self.run_one(one)
        if OUTPUT in (run.client_exit, run.server_exit):
            # The programs' own documents did not fit on the disk: the run does not count.
            raise results.CannotWrite(f"{self.folder.path}: {run.why}")
        if run.impossible:
            run.why = f"{run.why}; its cell is not run again"
        self.folder.append(run)
        self.runs.append(run)
        self.done.add(run.run)
        self._note(run)
        self.forecast.saw(one.key, time.monotonic() - began + self.cool_down)


class Forecast(compare_plan.Forecast):
    """Predicts the seconds of a cell's run: its longest so far, or a guess scaled by the others."""

    def guess(self, _):
        return self.window + compare_plan.USUAL_OVERHEAD


# ---- the end -------------------------------------------------------------------------------------
def answers_of(folder):
    """Comparisons of the primary figure, then of the other main figures."""
    runs, found = folder.runs(), []
    for figure in table.columns_of(folder.experiment, runs):
        found += answer.comparisons(folder.experiment, runs, figure)
    return found


def conclude(folder, code, findings=(), page=True, quiet=False, out=None):
    """Writes the answers into the folder, prints them and makes the page. Returns the exit code."""
    runs = folder.runs()
    answers = answers_of(folder)
    found = answer_text.sentence(folder.experiment, answers)
    manifest = with_options(folder, runs)
    names = {one["name"] for one in findings}
    earlier = [one for one in folder.experiment.get("findings", []) if one["name"] not in names]
    try:
        folder.update(
            ended=run_record.now(),
            findings=[*earlier, *findings],
            answers=[one.as_json() for one in answers],
            answer=found,
            manifest=manifest,
        )
    except results.CannotWrite as error:
        if code != OUTPUT:
            log(str(error))
        code, page = OUTPUT, False
    text = "" if quiet else "\n".join(summary.lines_of(folder, runs, answers, found)) + "\n"
    try:
        print(text, end="", file=out or sys.stdout, flush=True)
    except BrokenPipeError:
        discard_stdout()
        code = code or OUTPUT
    except OSError as error:
        log(f"stdout: {error.strerror}")
        discard_stdout()
        code = code if code > 128 else OUTPUT  # a hangup takes the terminal with it
    if page:
        log(make_page(folder))
    folder.release()
    return code
