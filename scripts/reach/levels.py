"""Measures one model at one number of connections after another: the rows of scripts/growth."""

import dataclasses
import math
import pathlib
import tempfile
import time

import account

from . import ends, preflight

#: Seconds for a client beside its traffic: connecting and closing a million take minutes.
SLACK, SLACK_EACH_1000 = 120.0, 1.0
PER_SECOND = "10000"
#: Seconds: the warm-ups of the two loops, between two looks, and between two readings of memory.
OPEN_WARM_UP, WARM_UP, LOOK, SETTLING = 2, 1, 0.2, 1.0
SLOWEST = 25_000  #: echoes per second of a first round, less than any model had


class Failed(Exception):
    """A client ended with a failure, or wrote no document; one line."""


@dataclasses.dataclass(frozen=True)
class Side:
    program: str
    model: str

    @staticmethod
    def parse(text, programs):
        """`PROGRAM:MODEL` or MODEL. `programs`: {model: program}. Raises ValueError."""
        model = text.rpartition(":")[2]
        program = programs.get(model)
        if program is None or text not in (model, f"{program}:{model}"):
            raise ValueError(f"'{text}': one of {', '.join(sorted(programs))}")
        return Side(program, model)


def numbers(up_to, least=1000):
    """1,000, 3,000, 10,000, ... and `up_to`."""
    found, step = [], least
    while step < up_to:
        found.append(step)
        step = step * 3 if str(step).startswith("1") else step // 3 * 10
    return [*found, up_to]


def why_not(binaries, side, connections, keep_free):
    """The first limit that does not suffice, as a line; None where all do. Memory counts here: a
    level that ends at the floor would have fewer connections than its row says."""
    document = preflight.ask(binaries, connections, side.model)
    for row in document["limits"]:
        if row["name"] == "memory" and row["need"] > (row["have"] or 0) - keep_free:
            return f"memory: need {row['need']:,} B, have {row['have']:,} B, {keep_free:,} are kept free"
    rows = preflight.short(document)
    return preflight.lines_of(rows)[0] if rows else None


class Level:
    """The runs of one level: a closed loop, then an open loop below capacity."""

    def __init__(self, binaries, side, connections, seconds, keep_free):
        self.binaries, self.side, self.connections = binaries, side, connections
        self.seconds, self.keep_free = seconds, keep_free

    def measure(self):
        """The row. Raises Failed, or ends.Failed."""
        with tempfile.TemporaryDirectory(prefix="echo-testbed-") as folder:
            side, folder = self.side, pathlib.Path(folder)
            both = ends.Ends(
                self.binaries, side.program, side.model, self.connections, (), folder
            )
            with both:
                before = account.settle(lambda: account.snapshot([both.server.pid]), SETTLING)
                # First the open loop: its load leaves the machine time to be looked at.
                open_, standing = self.client(both, "--rate", PER_SECOND)
                closed, _ = self.client(both)
            server = both.document("server")
        taken = account.difference(before, standing, self.connections) if standing else {}
        return row_of(side, self.connections, closed, open_, server, taken)

    def client(self, both, *more):
        """The document, and a snapshot of the memory while all connections stood."""
        # A closed loop is even when each connection has had an echo: sends of a first round whose
        # echoes come later would count as CPU of few echoes.
        round_ = self.connections / SLOWEST
        warm_up = OPEN_WARM_UP if more else math.ceil(max(WARM_UP, round_))
        words = ("--mode", "stream", "--duration", f"{self.seconds:g}s", "--warmup", f"{warm_up}s")
        words += ("--timeout", "120s", "--connect-timeout", "60s", "--keep-free", self.keep_free)
        both.connect([*words, *more])
        standing = None
        give_up = time.monotonic() + SLACK + SLACK_EACH_1000 * self.connections / 1000
        while both.running():
            both.series.read()
            if standing is None and more and both.series.phase == "echo" and self.all_stand(both):
                standing = account.snapshot(both.pids)
            if time.monotonic() > give_up + self.seconds:
                raise Failed("the client did not end in time")
            time.sleep(LOOK)
        return self.document_of(both), standing

    def all_stand(self, both):
        return both.series["connected"] == self.connections <= both.series["verified"]

    def document_of(self, both):
        found = both.document("client")
        if found is None:
            raise Failed(both.last_error("client.err") or "the client wrote no document")
        served = found["connections"]["served"]
        if served != self.connections:
            failed = ", ".join(f"{n:,} {name}" for name, n in found["connections"]["failed"].items())
            raise Failed(f"{served:,} of {self.connections:,} served: {failed}")
        both.forget_client()
        return found


def row_of(side, connections, closed, open_, server, taken):
    """The figures of a level. Times in ns, memory in bytes. `taken`: of account.difference."""
    free, others = taken.get("free_lost"), taken.get("others")
    ramp = closed["phases"]["ramp"]["ns"]
    return {
        "model": side.model,
        "connections": connections,
        "tables": server["tables"] if server else None,
        "connects_per_s": connections / ramp * 1e9 if ramp else None,
        "cpu_ns_per_echo": closed["cpu"]["total_ns_per_echo"],
        "client_cpu_ns_per_echo": closed["cpu"]["client_ns_per_echo"],
        "server_cpu_ns_per_echo": closed["cpu"]["server_ns_per_echo"],
        "echoes_per_s": closed["throughput"]["echoes_per_s"],
        # What other programs took meanwhile is not the connections'.
        "bytes_per_connection": None if free is None or others is None else free - others,
        "p50_ns": open_["latency"]["echo"]["percentiles"].get("50"),
        "p99_ns": open_["latency"]["echo"]["percentiles"].get("99"),
        "others": max(closed["cpu"]["others"] or 0, open_["cpu"]["others"] or 0),
    }
