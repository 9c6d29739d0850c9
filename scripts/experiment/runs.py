"""One run: a new server on a free port, one client, and the outcome.

    run = runs.run(binaries, folder, spec, number=17, block=2, place=3)

`run` does not raise if a program fails: a failed run is a row with `why`. The programs' documents
stay in the folder. Every wait has a timeout, and every process is ended by its own pid. Processes
that a server leaves behind are ended too (orphans.py; the session has called orphans.adopt).

run_record.py lists the outcomes and which of them enter statistics.
"""

import contextlib
import dataclasses
import os
import pathlib
import signal
import tempfile
import time

import bench_runs
import compare_runs
import orphans

from . import figures, foreign_server
from .arguments import seconds_of, value_of, window_of
from .run_record import Run, now

#: Seconds of a client's default --deadline in addition to warm-up and window: ramp, one timeout.
DEADLINE_SLACK = 60
USAGE, LIMIT = 2, 3
OUTPUT = 7


@dataclasses.dataclass
class Spec:
    """What to run. `server`: "PROGRAM:MODEL --options", or a command with {port} in it. `client`:
    the client's options; the run adds the target, --server-pid, --json and --progress."""

    cell: dict
    server: str
    client: list
    server_arguments: list = dataclasses.field(default_factory=list)
    server_prefix: tuple = ()
    client_prefix: tuple = ()
    cpus: tuple = (None, None)  #: of server and client; None: any
    in_turns: bool = False  #: both ends on one processor, SCHED_BATCH: neither preempts the other
    target: str | None = None  #: the server's address in the client's command
    environment: dict | None = None  #: additional variables of the server
    settle: bool = True  #: first wait until the kernel has freed memory; for figures of memory
    series: bool = True  #: keep what both ends report at intervals
    keep: bool = True  #: keep the programs' documents after they are read


def run(binaries, folder, spec, number, block, place):
    """Measures once. Returns a Run, also if a program fails."""
    if spec.settle:
        compare_runs.settle()
    done = Run(number, block, place, dict(spec.cell), "failed", began=now())
    with contextlib.suppress(OSError):
        done.load1 = os.getloadavg()[0]
    begun = time.monotonic()
    try:
        SingleRun(pathlib.Path(binaries), folder, spec, done).measure()
    finally:
        left_behind = orphans.end_all()
        done.took_s = round(time.monotonic() - begun, 3)
    if left_behind:
        left = f"the server left processes behind: {left_behind}"
        done.outcome, done.why = "failed", f"{done.why}; {left}" if done.why else left
    return done


class SingleRun:
    """The steps of one run, which fill in `done`."""

    def __init__(self, binaries, folder, spec, done):
        self.binaries, self.folder, self.spec, self.done = binaries, folder, spec, done
        self.stem = f"runs/{done.run:04}"
        self.server_cpu, self.client_cpu = spec.cpus
        self.window = window_of(spec.client)
        self.server_errors = self.client_errors = None  # files with the stderr of each
        self.bare = foreign_server.is_foreign(spec.server) or bench_runs.is_floor(spec.server)

    def path(self, kind):
        return self.folder.path / f"{self.stem}-{kind}"

    def measure(self):
        for kind in ("client.json", "server.json", "series.jsonl"):
            self.path(kind).unlink(missing_ok=True)  # from an interrupted attempt
        # Outside the results folder: if its disk is full, stderr must still be readable.
        with tempfile.TemporaryDirectory() as elsewhere:
            self.server_errors = pathlib.Path(elsewhere) / "server"
            self.client_errors = pathlib.Path(elsewhere) / "client"
            self.measure_once()

    def measure_once(self):
        try:
            with self.start() as server:
                self.done.client_exit, problem = self.load(server)
            self.done.server_exit = server.process.returncode
            self.classify(server, problem)
        except bench_runs.NeverListened as error:
            self.not_started(error)
        except bench_runs.RunFailed as error:
            self.done.why = str(error)
        finally:
            self.keep_documents()

    def start(self):
        spec = self.spec
        prefix = [*map(str, spec.server_prefix)]
        environment = foreign_server.environment_with(spec.environment)
        with open(self.server_errors, "wb") as errors:
            if foreign_server.is_foreign(spec.server):
                server = foreign_server.Server(
                    *(spec.server, self.server_cpu, prefix, errors, environment, spec.in_turns)
                )
                self.done.server = server.arguments
                return server
            words = list(spec.server_arguments)
            if not self.bare:
                words += ["--json", str(self.path("server.json"))]
                if spec.series and value_of(spec.server.split() + words, "--stats") is None:
                    words += ["--stats", self.interval()]
            self.done.server = self.server_command(prefix, words)
            return bench_runs.Server(
                *(self.binaries, spec.server, self.server_cpu, prefix),
                arguments=words,
                errors=errors,
                environment=environment,
                in_turns=spec.in_turns,
            )

    def server_command(self, prefix, words):
        """The server's command as a user would type it."""
        program, _, model = self.spec.server.partition(":")
        name = [str(self.binaries / program), *(["0"] if self.bare else ["-p", "0"])]
        return [*prefix, *name, *(["--model", *model.split()] if model else []), *words]

    def interval(self):
        """About twenty intervals per run, at most ten per second."""
        return f"{min(1.0, max(0.1, self.window / 20)):g}s"

    def load(self, server):
        """The client's exit code, and the last line of its stderr if it did not finish a run."""
        spec, deadline = self.spec, self.window + DEADLINE_SLACK
        words = [f"{spec.target or '127.0.0.1'}:{server.port}", *map(str, spec.client)]
        words += ["--server-pid", str(server.pid), "--json", str(self.path("client.json"))]
        given = seconds_of(value_of(words, "--deadline"))
        if given is None:
            words += ["--deadline", f"{deadline:g}s"]
        if value_of(words, "--progress") is None:
            words += ["--progress", "never"]
        if spec.series and value_of(words, "--series") is None:
            words += ["--series", str(self.path("series.jsonl")), "--interval", self.interval()]
        command = [*map(str, spec.client_prefix), str(self.binaries / "client"), *words]
        self.done.client = command
        at_most = (given or deadline) + compare_runs.END_SLACK
        with open(self.client_errors, "wb") as errors:
            try:
                code = compare_runs.watch(
                    command, at_most, errors, self.client_cpu, spec.in_turns
                )
            except OSError as error:
                raise bench_runs.RunFailed(f"{command[0]}: {error.strerror}") from error
        if code is None:
            return None, f"client did not end within {at_most:g} s"
        if code in (0, 1):
            return code, ""
        return code, last_error_line(self.client_errors) or "no message on stderr"

    def classify(self, server, problem):
        done = self.done
        client, server_document = self.read("client.json"), self.read("server.json")
        done.figures = figures.read(client, server_document)
        done.steal = figures.at(client, "cpu", "steal")
        done.warnings = figures.at(client, "warnings") or []
        if not self.ended_well(server):
            done.outcome = "faulted" if self.crashed(server) else "failed"
            done.why = self.server_end(server)
        elif done.client_exit == LIMIT:
            done.outcome, done.why = "refused", problem
        elif done.client_exit == USAGE:
            done.outcome, done.why = "infeasible", problem
        elif done.client_exit not in (0, 1) or client is None:
            ended = "" if done.client_exit is None else compare_runs.ending(done.client_exit)
            done.why = f"client ended with {ended}: {problem}" if ended else problem
        elif server_document is None and not self.bare:
            done.why = "server wrote no document"
        elif done.client_exit == 1 and done.figures["failed"]:
            done.why = shortfall(client)
        else:
            done.outcome = "measured"

    def ended_well(self, server):
        return server.process.returncode == 0 or (self.bare and server.ended_by == signal.SIGTERM)

    def crashed(self, server):
        return server.ended_by is None and server.process.returncode < 0

    def server_end(self, server):
        if server.ended_by == signal.SIGKILL:
            return f"server did not end within {bench_runs.END_TIMEOUT} s of SIGTERM"
        line = last_error_line(self.server_errors)
        ending = compare_runs.ending(server.process.returncode)
        return f"server ended with {ending}" + (f": {line}" if line else "")

    def not_started(self, error):
        done, line = self.done, last_error_line(self.server_errors)
        done.server_exit = error.code
        outcome = {USAGE: "infeasible", LIMIT: "refused"}.get(error.code)
        if outcome is None:
            outcome = "faulted" if error.code is not None and error.code < 0 else "failed"
            line = f"server ended with {compare_runs.ending(error.code)} before it listened" + (
                f": {line}" if line else ""
            )
        done.outcome, done.why = outcome, line or "the server refused without a message"

    def read(self, kind):
        return compare_runs.read_json(self.path(kind))

    def keep_documents(self):
        kinds = {"client": "client.json", "server": "server.json", "series": "series.jsonl"}
        for name, kind in kinds.items():
            if not self.spec.keep:
                self.path(kind).unlink(missing_ok=True)
            kept = self.path(kind).exists()
            self.done.documents[name] = f"{self.stem}-{kind}" if kept else None


def last_error_line(path):
    """The last line that a program wrote to stderr, progress lines excluded."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    kept = [line.strip() for line in lines if line.strip() and not line.startswith("[")]
    kept = [line for line in kept if not line.startswith("listening ")]
    return kept[-1] if kept else ""


def shortfall(client):
    """"3 of 100 connections failed: timeout 2, reset 1"."""
    connections = client["connections"]
    causes = sorted(connections["failed"].items(), key=lambda one: -one[1])
    counted = ", ".join(f"{cause} {count}" for cause, count in causes if count)
    lost = connections["requested"] - connections["served"]
    causes = counted or "no cause reported"
    return f"{lost} of {connections['requested']} connections failed: {causes}"
