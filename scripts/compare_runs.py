"""The runs of scripts/compare-models: a fresh server on a fresh port, one client, their documents.

Every wait has a limit. A server is ended by SIGTERM, and by SIGKILL if it does not end in time;
the processes that it leaves behind are ended as well (orphans.py).

A model that serves a limited number of connections at once leaves the others waiting. In a stream
they wait until it ends, because the served connections stay. With the timeouts that a slow server
needs, such a run would be the longest of all without showing more. So there, and only there, the
client's timeouts are short: a message is given up one second after the window's end, when this
cannot disturb the measurement; a connect, after its SYN was sent twice.
"""

import contextlib
import dataclasses
import pathlib
import signal
import subprocess
import tempfile
import time

import bench_runs
import compare_figures
import documents
import orphans

#: Seconds for a client besides its traffic and one timeout; they end a ramp that hangs.
DEADLINE_SLACK = 60
#: Seconds that the client may take after its deadline; its contract allows 1 s.
END_SLACK = 10
PATIENT = ("10s", "5s")  # --timeout, --connect-timeout
SHORT_CONNECT = "1500ms"
SERVER_REFUSES = 3
NO_LINE = "no line on stderr"


@dataclasses.dataclass(frozen=True)
class Traits:
    """What a model's server reports before any load."""

    refusal: str | None = None  #: its own line, if it does not start
    failure: str | None = None  #: any other reason why it failed
    at_once: int | None = None  #: connections served at the same time; None: all
    workers: int | None = None


@dataclasses.dataclass
class Run:
    """One run of a cell. outcome: measured; refused: the machine has no room for it, and `why`
    names what is short; failed: a program ended with an error."""

    model: str
    mode: str
    connections: int
    round: int
    outcome: str
    why: str | None = None
    client_exit: int | None = None
    server_exit: int | None = None
    seconds: float = 0
    limited_to: int | None = None  #: connections at once, as the model's server reports
    figures: dict = dataclasses.field(default_factory=dict)
    failed: dict = dataclasses.field(default_factory=dict)
    shed: dict = dataclasses.field(default_factory=dict)
    unexplained: dict = dataclasses.field(default_factory=dict)
    warnings: list = dataclasses.field(default_factory=list)

    def as_json(self):
        return dataclasses.asdict(self)


def read_json(path):
    with contextlib.suppress(OSError, ValueError):
        return documents.read_json(path)
    return None


def last_line(path):
    """The last line that a program wrote."""
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else NO_LINE


def settle(at_most=3.0):
    """Waits until slab is stable. The kernel frees the memory of ended sockets and threads some
    tenths of a second late; if it did so in the next run, that run's figures would be too low."""
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
    """Runs a client, and ends it if it takes too long: exit code, or None if it was ended."""
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
        """A server that writes stderr and its document into `folder`."""
        with open(folder / "errors", "wb") as errors:
            report = ("--json", str(folder / "server.json"))
            return bench_runs.Server(
                self.options.bin, model, self.server_cpu, arguments=report, errors=errors
            )

    def look_at(self, model):
        """Traits of a model; its server is started and ended."""
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
        client, report = read_json(folder / "client.json"), read_json(folder / "server.json")
        judge(run, client, report, end_of(server, folder), said)
        if client and not self.environment:
            self.environment = client["environment"]
        return run

    def load(self, server, cell, traits, folder):
        """The client's exit code, and its last line on stderr if it did not finish a run."""
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
        if not limited or cell.mode == "churn":  # in churn each is served in turn
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
    """An exit code, and the name of the signal if it was one."""
    with contextlib.suppress(ValueError, TypeError):
        return f"{code} ({signal.Signals(-code).name})"
    return str(code)


def end_of(server, folder):
    """The error in which a server ended; None: no error."""
    if server.process.returncode == 0:
        return None
    if server.ended_by == signal.SIGKILL:
        return f"server did not end within {bench_runs.END_TIMEOUT} s of SIGTERM"
    line = last_line(folder / "errors")
    said = "" if line.startswith(("listening", NO_LINE)) else f": {line}"
    return f"server ended with {ending(server.process.returncode)}{said}"


def judge(run, client, server, server_failure, said):
    """Fills in the figures of both programs and the outcome of the run."""
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
