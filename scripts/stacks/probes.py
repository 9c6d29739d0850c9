"""The runs that search for the smallest stack: one with painted stacks, then sizes until two runs
confirm one.

They are stored with the sweep's runs. Their cells have their own key ("probe"), so that they
enter no comparison. A run that the folder has is not repeated, so an interrupted search resumes.
"""

import dataclasses
import os

import compare_runs
from experiment import plan, runs, session

from . import smallest_size

REPORT, SIZE = "report", "size"
#: Largest sum of painted stacks in bytes, because painted stacks are resident.
PAINT = 2 << 30
#: Bytes of a painted stack in addition to the depth touched, so that the high water fits.
ROOM = 64 << 10
SIGSEGV = -11
#: The results of a size, as progress lines report them.
RESULTS = {
    smallest_size.HOLDS: "holds",
    smallest_size.FAULTS: "faults",
    smallest_size.REFUSED: "is refused",
    smallest_size.UNCLEAR: "fails otherwise",
}


class Stopped(Exception):
    """An interruption or a full disk, with its exit code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Silent:
    """Replaces the live table for single runs."""

    def show(self, *_):
        pass

    def clear(self):
        pass


@dataclasses.dataclass
class Depth:
    """The results for one depth touched. `high`: the largest high water in bytes."""

    touch: str
    painted: int | None = None
    p50: int | None = None
    p99: int | None = None
    high: int | None = None
    found: smallest_size.SmallestSize | None = None
    confirming: list = dataclasses.field(default_factory=list)  #: runs, the painted one first
    why: str | None = None


def kib(size):
    return f"{size // 1024}K" if size % 1024 == 0 else str(size)


def size_of(text):
    """A size such as 64K, 1M or 4096 in bytes."""
    text = str(text).strip()
    power = {"k": 10, "m": 20, "g": 30, "t": 40}.get(text[-1:].lower())
    digits = text[:-1] if power else text
    if not digits.isdigit():
        raise ValueError(f"'{text}': expected a size, such as 16K, 1M or 4096")
    return int(digits) << (power or 0)


def verdict(run):
    """The result of a size, from its run."""
    if run.measured:
        return smallest_size.HOLDS
    if run.outcome == "faulted" and run.server_exit == SIGSEGV:
        return smallest_size.FAULTS
    return smallest_size.REFUSED if run.outcome == "infeasible" else smallest_size.UNCLEAR


class Prober:
    """Makes the probes. `spec_of(stack, touch, n, more)`: returns a runs.Spec. `first`: the number
    of the first probe's run."""

    def __init__(self, binaries, folder, spec_of, connections, first, log=lambda text: None):
        self.binaries, self.folder, self.spec_of = binaries, folder, spec_of
        self.connections, self.next, self.log = connections, first, log
        self.page = os.sysconf("SC_PAGESIZE")
        self.least = os.sysconf("SC_THREAD_STACK_MIN")
        self.by_cell = {plan.key_of(run.cell): run for run in folder.runs() if is_probe(run)}
        self.next = max([first, *(run.run + 1 for run in self.by_cell.values())])

    def run(self, kind, touch, stack, connections, more=()):
        """The Run of a probe, made now unless the folder has it."""
        cell = {"probe": kind, "depth": touch, "size": kib(stack), "connections": str(connections)}
        key = plan.key_of(cell)
        if key not in self.by_cell:
            spec = self.spec_of(kib(stack), touch, connections, list(more))
            spec.cell = cell
            spec.settle = False  # no memory is measured
            planned = plan.Planned(self.next, 1, 1, cell)

            def run_one(one):
                return runs.run(self.binaries, self.folder, spec, one.run, one.block, one.place)

            code = session.carry_out(self.folder, [planned], run_one, table_of=Silent())
            made = [run for run in self.folder.runs() if run.run == planned.run]
            if self.folder.experiment["status"] != "complete" or not made:
                raise Stopped(code)
            self.by_cell[key], self.next = made[-1], self.next + 1
        return self.by_cell[key]

    def measure_depth(self, touch):
        """A Depth, with its smallest size if one was found."""
        depth = Depth(touch)
        room = smallest_size.whole_pages(size_of(touch) + ROOM, self.page)
        connections = max(min(self.connections, PAINT // room), 1)
        painted = self.run(REPORT, touch, room, connections, ["--stack-report"])
        depth.confirming.append(painted)
        stacks = self.stacks_of(painted)
        if not stacks or stacks["high_water"]["max"] is None:
            depth.why = painted.why or "the server reported no high water"
            return depth
        water = stacks["high_water"]
        depth.painted, depth.high = stacks["painted_threads"], water["max"]
        depth.p50, depth.p99 = water["p50"], water["p99"]
        self.log(f"depth {touch}: {depth.high:,} B used")
        depth.found = smallest_size.find(
            depth.high, self.least, self.page, lambda size: self.holds(depth, size)
        )
        depth.why = depth.found.why
        return depth

    def holds(self, depth, size):
        """Runs a size. Returns HOLDS, FAULTS, REFUSED or UNCLEAR."""
        run = self.run(SIZE, depth.touch, size, self.connections)
        depth.confirming.append(run)
        result = verdict(run)
        self.log(f"depth {depth.touch}: a stack of {kib(size)} {RESULTS[result]}")
        return result

    def stacks_of(self, run):
        path = run.documents.get("server") if run.measured else None
        document = compare_runs.read_json(self.folder.path / path) if path else None
        return (document or {}).get("stacks")


def is_probe(run):
    return "probe" in run.cell
