"""The runs that look for a stack's edge: one with painted stacks, then sizes until two bear it out.

They lie in the folder beside the sweep's own, with cells of their own ("probe"), so that they enter
no comparison; a run that is there already is not made again, so an interrupted search goes on.
"""

import dataclasses
import os

import compare_runs
from experiment import plan, runs, session

from . import smallest_size

REPORT, SIZE = "report", "size"
#: Painted stacks are resident: no more of them than this, in bytes.
PAINT = 2 << 30
#: What a painted stack has above the depth touched, so that the report never meets its end.
ROOM = 64 << 10
SIGSEGV = -11


class Stopped(Exception):
    """An interruption, or a full disk; its exit code."""

    def __init__(self, code):
        super().__init__(code)
        self.code = code


class Silent:
    """In place of a live table, for single runs."""

    def show(self, *_):
        pass

    def clear(self):
        pass


@dataclasses.dataclass
class Depth:
    """All that is known about one depth touched."""

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
    """64K, 1M, 4096: bytes."""
    text = str(text).strip()
    power = {"k": 10, "m": 20, "g": 30, "t": 40}.get(text[-1:].lower())
    digits = text[:-1] if power else text
    if not digits.isdigit():
        raise ValueError(f"'{text}': a size, such as 16K, 1M or 4096")
    return int(digits) << (power or 0)


def verdict(run):
    """What a size did, by its run."""
    if run.measured:
        return smallest_size.HOLDS
    if run.outcome == "faulted" and run.server_exit == SIGSEGV:
        return smallest_size.FAULTS
    return smallest_size.REFUSED if run.outcome == "infeasible" else smallest_size.UNCLEAR


class Prober:
    """`spec_of(stack, touch, n, more)`: the runs.Spec of such a run. `first`: the number that the
    first probe's run gets."""

    def __init__(self, binaries, folder, spec_of, connections, first, log=lambda text: None):
        self.binaries, self.folder, self.spec_of = binaries, folder, spec_of
        self.connections, self.next, self.log = connections, first, log
        self.page = os.sysconf("SC_PAGESIZE")
        self.least = os.sysconf("SC_THREAD_STACK_MIN")
        self.by_cell = {plan.key_of(run.cell): run for run in folder.runs() if is_probe(run)}
        self.next = max([first, *(run.run + 1 for run in self.by_cell.values())])

    def run(self, kind, touch, stack, connections, more=()):
        """The Run of a probe, made now unless it is there."""
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
        """A Depth, with its edge where it was found."""
        told = Depth(touch)
        room = smallest_size.whole_pages(size_of(touch) + ROOM, self.page)
        connections = max(min(self.connections, PAINT // room), 1)
        painted = self.run(REPORT, touch, room, connections, ["--stack-report"])
        told.confirming.append(painted)
        stacks = self.stacks_of(painted)
        if not stacks or stacks["high_water"]["max"] is None:
            told.why = painted.why or "the server told no high water"
            return told
        water = stacks["high_water"]
        told.painted, told.high = stacks["painted_threads"], water["max"]
        told.p50, told.p99 = water["p50"], water["p99"]
        self.log(f"depth {touch}: {told.high:,} B were used")
        told.found = smallest_size.find(told.high, self.least, self.page, lambda at: self.holds(told, at))
        told.why = told.found.why
        return told

    def holds(self, told, size):
        run = self.run(SIZE, told.touch, size, self.connections)
        told.confirming.append(run)
        did = verdict(run)
        self.log(f"depth {told.touch}: a stack of {kib(size)} {did}")
        return did

    def stacks_of(self, run):
        path = run.documents.get("server") if run.measured else None
        document = compare_runs.read_json(self.folder.path / path) if path else None
        return (document or {}).get("stacks")


def is_probe(run):
    return "probe" in run.cell
