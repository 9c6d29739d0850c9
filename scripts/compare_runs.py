"""The runs of scripts/compare-models: a fresh server on a fresh port, one client, what they told.

Every wait has an end. A server is ended by SIGTERM, and by SIGKILL where that does not end it; what
it leaves behind nevertheless is ended as well (orphans.py).

A model that serves only so many connections at once leaves the others waiting, in a stream for
ever, since those that it serves never go. Waiting for each of them as long as a slow server deserves
would make such a run the longest of all, and tell nothing more. So there, and only there, the
client's patience is short: a message is given up a second after the window's end, when it cannot
disturb what is measured any more, a connect after its SYN was sent twice.
"""

import contextlib
import dataclasses
import json
import pathlib
import signal
import subprocess
import tempfile
import time

import bench_runs
import compare_figures
import orphans

#: Of a client beside its traffic and one message's timeout; a ramp that hangs ends with it.
DEADLINE_SLACK = 60
#: What the client may take after its deadline, by its contract 1 s.
END_SLACK = 10
PATIENT = ("10s", "5s")  # --timeout, --connect-timeout
SHORT_CONNECT = "1500ms"
SERVER_REFUSES = 3


@dataclasses.dataclass(frozen=True)
class Traits:
    """What a model's server says of itself before any load."""

    refusal: str | None = None  #: its own line, where it does not start
    failure: str | None = None  #: why it failed otherwise
    at_once: int | None = None  #: connections that it serves at the same time; None: all
    workers: int | None = None


@dataclasses.dataclass
class Run:
    """One run of a cell. outcome: measured; refused: the machine has no room for it, `why` says
    what is short; failed: a program ended as it should not."""

    model: str
    mode: str
    connections: int
    round: int
    outcome: str
    why: str | None = None
    client_exit: int | None = None
    server_exit: int | None = None
    seconds: float = 0
    limited_to: int | None = None  #: connections at once, by the model's own word
    figures: dict = dataclasses.field(default_factory=dict)
    failed: dict = dataclasses.field(default_factory=dict)
    shed: dict = dataclasses.field(default_factory=dict)
    unexplained: dict = dataclasses.field(default_factory=dict)
    warnings: list = dataclasses.field(default_factory=list)


def read_json(path):
    with contextlib.suppress(OSError, ValueError):
        return json.loads(path.read_text())
    return None


def last_line(path):
    """What a program said last, without its name in front."""
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it said nothing"


def settle(at_most=3.0):
    """Until slab stands still: the kernel frees the memory of ended sockets and threads some tenths
    of a second late, and what it frees in the next run would be missing from its figures."""
    give_up = time.monotonic() + at_most
    before, still = slab_kb(), 0
    while time.monotonic() < give_up and still < 3:
        time.sleep(0.1)
        now = slab_kb()
        still = still + 1 if abs(now - before) < 200 else 0
        before = now


def slab_kb():
    with open("/proc/meminfo") as file:
        return next((int(line.split()[1]) for line in file if line.startswith("Slab:")), 0)


def watch(command, at_most, errors, cpu, in_turns=False):
    """Runs a client to its end, or ends it: its exit code, None where it was not over in time."""
    client = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=errors,
        preexec_fn=bench_runs.pinned(cpu, in_turns),
    )
    try:
        return client.wait(at_most)
    except subprocess.TimeoutExpired:
        return None
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if client.poll() is None:
                client.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                client.wait(5)


class Runner:
    def __init__(self, options):
        self.options = options
        self.server_cpu, self.client_cpu = options.cpus or (None, None)
        self.environment = None

    def start(self, model, folder):
        """A server, whose stderr and document lie in `folder`."""
        with open(folder / "errors", "wb") as errors:
            report = ("--json", str(folder / "server.json"))
            return bench_runs.Server(
                self.options.bin, model, self.server_cpu, arguments=report, errors=errors
            )

    def look_at(self, model):
        """Traits of a model: its server is started, and ended."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            try:
                server = self.start(model, folder)
                with server:
                    pass
            except bench_runs.NeverListened as error:
                line = last_line(folder / "errors")
                if error.code == SERVER_REFUSES:
                    return Traits(refusal=line)
                return Traits(failure=f"{error}: {line}")
            finally:
                orphans.end_all()
            document = read_json(folder / "server.json")
            failure = end_of(server, folder)
            if failure or document is None:
                return Traits(failure=failure or "server wrote no document")
        at_once = document["connections"]["at_once"]
        return Traits(at_once=at_once, workers=len(document["workers"]))

    def run(self, cell, number, traits):
        begun = time.monotonic()
        settle()
        with tempfile.TemporaryDirectory() as name:
            try:
                run = self.measure(cell, number, traits, pathlib.Path(name))
            finally:
                left_behind = orphans.end_all()
        if left_behind:
            run.outcome = "failed"
            left = f"processes that the server left behind: {left_behind}"
            run.why = f"{run.why}; {left}" if run.why else left
        run.seconds = round(time.monotonic() - begun, 3)
        return run

    def measure(self, cell, number, traits, folder):
        run = Run(cell.model, cell.mode, cell.connections, number, "failed")
        run.limited_to = traits.at_once
        try:
            server = self.start(cell.model, folder)
        except bench_runs.NeverListened as error:
            run.server_exit = error.code
            run.outcome = "refused" if error.code == SERVER_REFUSES else "failed"
            run.why = last_line(folder / "errors")
            return run
        with server:
            run.client_exit, said = self.load(server, cell, traits, folder)
        run.server_exit = server.process.returncode
        client, told = read_json(folder / "client.json"), read_json(folder / "server.json")
        judge(run, client, told, end_of(server, folder), said)
        if client and not self.environment:
            self.environment = client["environment"]
        return run

    def load(self, server, cell, traits, folder):
        """The client's exit code, and its last line on stderr where it did not finish a run."""
        command = [self.options.bin / "client", *self.arguments(server, cell, traits)]
        at_most = self.deadline(cell, traits) + END_SLACK
        command += ["--json", folder / "client.json"]
        with open(folder / "said", "wb") as errors:
            code = watch(command, at_most, errors, self.client_cpu)
        if code is None:
            return None, f"client did not end within {at_most:g} s"
        return code, "" if code in (0, 1) else last_line(folder / "said")

    def window(self):
        return self.options.warm_up + self.options.seconds

    def patience(self, cell, traits):
        limited = traits.at_once is not None and traits.at_once < cell.connections
        if not limited or cell.mode == "churn":  # in churn all have their turn
            return PATIENT
        return f"{self.window() + 1:g}s", SHORT_CONNECT

    def deadline(self, cell, traits):
        return self.window() + float(self.patience(cell, traits)[0][:-1]) + DEADLINE_SLACK

    def arguments(self, server, cell, traits):
        timeout, connect_timeout = self.patience(cell, traits)
        return [
            *(f"127.0.0.1:{server.port}", "-n", str(cell.connections), "--mode", cell.mode),
            *("-d", f"{self.options.seconds:g}s", "--warmup", f"{self.options.warm_up:g}s"),
            *("--timeout", timeout, "--connect-timeout", connect_timeout),
            *("--deadline", f"{self.deadline(cell, traits):g}s"),
            *("--server-pid", str(server.pid), "--progress", "never"),
        ]


def ending(code):
    """An exit code, and its signal's name where it was one."""
    with contextlib.suppress(ValueError, TypeError):
        return f"{code} ({signal.Signals(-code).name})"
    return str(code)


def end_of(server, folder):
    """What was wrong with a server's end; None: nothing."""
    if server.process.returncode == 0:
        return None
    if server.ended_by == signal.SIGKILL:
        return f"server did not end within {bench_runs.END_TIMEOUT} s of SIGTERM"
    line = last_line(folder / "errors")
    said = "" if line.startswith(("listening", "it said nothing")) else f": {line}"
    return f"server ended with {ending(server.process.returncode)}{said}"


def judge(run, client, server, server_failure, said):
    """Fills in what the programs told, and what became of the run."""
    connections = compare_figures.at(client, "connections") or {}
    shed = compare_figures.at(server, "connections", "shed") or {}
    run.failed, run.shed = connections.get("failed", {}), shed
    run.figures = compare_figures.figures_of(client, server)
    run.warnings = compare_figures.at(client, "warnings") or []
    run.unexplained = compare_figures.unexplained(
        run.failed, shed, run.limited_to, run.connections
    )
    limited = run.limited_to is not None and run.limited_to < run.connections
    if limited and run.mode == "stream" and client and connections["served"] < run.limited_to:
        run.unexplained["not_served"] = run.limited_to - connections["served"]
    if server_failure:
        run.why = server_failure
    elif run.client_exit == SERVER_REFUSES:
        run.outcome, run.why = "refused", said
    elif run.client_exit not in (0, 1) or client is None:
        run.why = f"client ended with {ending(run.client_exit)}: {said}"
    elif server is None:
        run.why = "server wrote no document"
    else:
        run.outcome = "measured"
