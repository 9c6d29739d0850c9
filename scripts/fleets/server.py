"""What the server's machine says of the server: the lines of `limits watch` there.

CPU time is taken over the window in which all ranks measured, by interpolation between two samples.
The clock of that machine is known by the line that came fastest: it is off by that line's way.
"""

import contextlib

import documents
from page import units

from . import launcher
from .pipe import Pipe
from .rank import Rank

INTERVAL = "100ms"
MOST_SAMPLES = 20_000  #: more are thinned out


def of(given):
    """The Watch of the options; None: the server is not watched."""
    if given.server_via is None:
        return None
    path = given.limits or str((given.bin / "limits").resolve())
    words = [path, "watch", given.server_pid, "--json", "--interval", INTERVAL]
    return Watch(launcher.command(given.server_via, "", words), given.server_pid)


class Failed(Exception):
    """The server cannot be watched; one line."""


class Watch:
    def __init__(self, words, pid):
        self.words, self.pid = words, pid
        self.host = Rank(-1, "server")
        self.samples = []  #: (ns there, CPU ns, resident bytes or None, threads or None)
        self.behind = None  #: nanoseconds: this clock less the server's, and the fastest line's way
        self.rest = b""

    # ---- while it runs ---------------------------------------------------------------------------
    def begin(self, loop, give_up, look):
        """Returns once a sample came. `look` is called meanwhile. Raises Failed, pipe.NotStarted."""
        import time

        self.host.pipe = Pipe(self.words, self.heard, self.host.complained)
        loop.add(self.host.pipe)
        while not self.samples:
            look()
            if self.host.is_gone or time.monotonic() > give_up:
                loop.turn(time.monotonic() + 0.1)
                code, line = self.host.failure()
                raise Failed(f"limits watch: {line}")
            loop.turn(give_up)

    def heard(self, data, at):
        *lines, self.rest = (self.rest + data)[-65536:].split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                self.take(documents.parse_json(line.decode(errors="replace")), at)

    def take(self, line, at):
        if not isinstance(line, dict):
            return
        ns, cpu = line.get("ns"), line.get("cpu_ns")
        if not all(documents.is_number(one) for one in (ns, cpu)):
            return
        if self.samples and ns <= self.samples[-1][0]:
            return
        self.samples.append((ns, cpu, line.get("resident"), line.get("threads")))
        self.behind = at - ns if self.behind is None else min(self.behind, at - ns)
        if len(self.samples) > MOST_SAMPLES:
            self.samples = [self.samples[0], *self.samples[1::2]]

    # ---- what it says ----------------------------------------------------------------------------
    def figures(self, ranks):
        """The object `server` of the document; what is not known is null."""
        windows = [found for found in map(window_of, ranks) if found]
        echoes = sum(echoes for _, _, echoes in windows)
        connections = sum(established_of(rank) for rank in ranks)
        cpu = resident = None
        if windows and self.behind is not None:
            begin = min(begin for begin, _, _ in windows) - self.behind
            end = max(end for _, end, _ in windows) - self.behind
            cpu = self.cpu_between(begin, end)
            inside = [one[2] for one in self.samples if begin <= one[0] <= end]
            resident = max((one for one in inside if documents.is_number(one)), default=None)
        before = self.samples[0][2] if self.samples else None
        grown = None
        if documents.is_number(resident) and documents.is_number(before) and connections:
            grown = max(resident - before, 0) // connections
        return {
            "pid": self.pid,
            "samples": len(self.samples),
            "cpu_ns": cpu,
            "cpu_ns_per_echo": cpu // echoes if cpu is not None and echoes else None,
            "resident_before": before,
            "resident": resident,
            "resident_per_connection": grown,
        }

    def cpu_between(self, begin, end):
        """Nanoseconds of CPU; None where the samples do not cover the window."""
        first, last = self.cpu_at(begin), self.cpu_at(end)
        return None if first is None or last is None else max(round(last - first), 0)

    def cpu_at(self, ns):
        for before, after in zip(self.samples, self.samples[1:]):
            if before[0] <= ns <= after[0]:
                share = (ns - before[0]) / (after[0] - before[0])
                return before[1] + share * (after[1] - before[1])
        return None

    @staticmethod
    def text_of(figures):
        def shown(key, unit):
            value = figures[key]
            return "-" if value is None else units.text(value, unit).replace(units.SPACE, " ")

        return (
            f"server       CPU {shown('cpu_ns_per_echo', 'ns')} per echo, resident "
            f"{shown('resident', 'B')}, {shown('resident_per_connection', 'B')} per connection "
            f"(process {figures['pid']}, watched on its machine)\n"
        )


def window_of(rank):
    """(begin, end, echoes) of its measured phase, on this machine's clock; None: not known."""
    try:
        phases = rank.document["phases"]
        measured = phases["measured"]
        begun = rank.document["rank"]["traffic"]["begun_ns"] + (phases.get("warm_up") or {}).get("ns", 0)
        begin = rank.before.here(begun)
        return begin, begin + measured["ns"], measured["verified"]
    except (KeyError, TypeError, AttributeError):
        return None


def established_of(rank):
    try:
        return int(rank.document["connections"]["established"])
    except (KeyError, TypeError, ValueError):
        return 0
