"""The runs of scripts/bench: one server and one client, each on its own CPU, and their figures.

scripts/compare-models also starts its servers here, with its own arguments and on any CPU.

Every wait has a timeout, and every process is ended by its own pid. A client reports its figures as
JSON, in one of two forms: that of floor_client (programs whose name starts with floor_) and that of
the testbed's client. A server is `PROGRAM:MODEL` of the testbed, or a floor program, whose only
argument is the port.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import signal
import subprocess
import tempfile

START_TIMEOUT = 30
END_TIMEOUT = 15
#: Time allowed beside warm-up and window; the worst case is 10,000 connects under strace.
SLACK = 60


class RunFailed(Exception):
    """A program is missing or failed."""


class NeverListened(RunFailed):
    """A server ended with `code` before it reported its port, or it was killed after a timeout."""

    def __init__(self, name, code):
        super().__init__(f"{name} ended with {code} before it listened")
        self.code = code


@dataclasses.dataclass(frozen=True)
class Load:
    connections: int
    churn: bool
    seconds: float
    warm_up: float
    http: bool = False  #: GET / in place of an echo


@dataclasses.dataclass(frozen=True)
class Figures:
    """The figures of a run's window. CPU is in ns per echo; None: it could not be read."""

    client_ns: float
    server_ns: float
    softirq_ns: float | None
    all_echoes: int  #: of the whole run, including outside the window
    echoes_per_s: float
    echoes_per_wait: float | None


def is_floor(program):
    return pathlib.Path(program).name.startswith("floor_")


def softirq_pids():
    """The pids of the kernel's softirq threads that this process can see."""
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        with contextlib.suppress(OSError):
            if comm.read_text().startswith("ksoftirqd/"):
                found.append(int(comm.parent.name))
    return found


def pinned(cpu, in_turns=False):
    """A function for the child to call before exec; None, if `cpu` is None: any CPU.

    `in_turns`: for two processes on one CPU. Under SCHED_BATCH (sched(7)) a process that wakes up
    does not preempt the other: each runs until it has nothing left to do. So the load decides the
    size of a batch, and not the scheduler.
    """
    if cpu is None:
        return None

    def prepare():
        os.sched_setaffinity(0, {cpu})
        if in_turns:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))

    return prepare


class Server:
    """A listening server, from its start to its end. Use it in a `with` statement.

    `name`: PROGRAM, PROGRAM:MODEL, or "PROGRAM:MODEL --option of --the model".

    `errors` receives its stderr: a server that refuses to start gives the reason there, in one
    line. `environment` is its whole environment; unless given, that of this process.
    """

    def __init__(
        self,
        binaries,
        name,
        cpu,
        prefix=(),
        arguments=(),
        errors=subprocess.DEVNULL,
        environment=None,
        in_turns=False,
    ):
        program, _, model = name.partition(":")
        reading, writing = os.pipe()
        if is_floor(program):
            command, output = [binaries / program, "0"], writing
        else:
            command = [binaries / program, "-p", "0", "--ready-fd", str(writing)]
            command += ["--model", *model.split()] if model else []
            output = subprocess.DEVNULL
        self.name = name
        self.ended_by = None  # the signal; None: it ended by itself
        try:
            self.process = subprocess.Popen(
                [*prefix, *command, *arguments],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                preexec_fn=pinned(cpu, in_turns),
                env=environment,
            )
        except OSError as error:
            os.close(reading)
            raise RunFailed(f"{command[0]}: {error.strerror}") from error
        finally:
            os.close(writing)
        with os.fdopen(reading) as ready:
            line = ready.readline() if select.select([ready], [], [], START_TIMEOUT)[0] else ""
        self.pid = program_of(self.process.pid, command[0]) if prefix else self.process.pid
        if not line.strip().isdigit():
            self.end(signal.SIGKILL)
            raise NeverListened(name, self.process.returncode)
        self.port = int(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)

    def end(self, number):
        """Ends the program by signal `number`, then by SIGKILL. A wrapper ends with its program."""
        for number in (number, signal.SIGKILL):
            if self.process.poll() is None:
                self.ended_by = number
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(END_TIMEOUT)
                return


def program_of(pid, program):
    """The pid of `program`. A wrapper either becomes it by exec (nsenter) or starts it (strace)."""
    with contextlib.suppress(OSError):
        if os.path.samefile(f"/proc/{pid}/exe", program):
            return pid
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid
    return pid


def run_client(program, server, load, cpu, prefix=()):
    """The Figures of a run of `program` against `server`."""
    form = FloorClient if is_floor(program) else TestbedClient
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "client.json"
        command = [*prefix, program, *form.arguments(server, load, report)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=load.warm_up + load.seconds + SLACK,
                preexec_fn=pinned(cpu),
            )
        except subprocess.TimeoutExpired as error:
            raise RunFailed(f"{program} did not end within {error.timeout:g} s") from error
        except OSError as error:
            raise RunFailed(f"{command[0]}: {error.strerror}") from error
        words = " ".join([*map(str, command[len(prefix) :])])
        if done.returncode != 0:
            output = (done.stderr + done.stdout).strip()[-2000:]
            raise RunFailed(f"`{words}` ended with {done.returncode}:\n{output}")
        try:
            return form.figures(json.loads(report.read_text() if report.exists() else done.stdout))
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise RunFailed(f"`{words}`: no figures in its JSON ({error!r})") from error


class FloorClient:
    @staticmethod
    def arguments(server, load, _report):
        softirqs = [word for pid in softirq_pids() for word in ("--softirq-pid", str(pid))]
        mode = "--churn" if load.churn else "--stream"
        return [
            *(str(server.port), str(load.connections), mode, str(load.seconds)),
            *("--warm-up", str(load.warm_up), "--server-pid", str(server.pid), *softirqs),
        ]

    @staticmethod
    def figures(document):
        echoes = document["echoes"]
        softirq = document["softirq_cpu_ns"]
        return Figures(
            client_ns=document["client_cpu_ns"] / echoes,
            server_ns=document["server_cpu_ns"] / echoes,
            softirq_ns=None if softirq is None else softirq / echoes,
            all_echoes=document["all_echoes"],
            echoes_per_s=echoes / document["window_ns"] * 1e9,
            echoes_per_wait=echoes / document["epoll_waits"],
        )


class TestbedClient:
    @staticmethod
    def arguments(server, load, report):
        target = f"127.0.0.1:{server.port}"
        return [
            *(f"http://{target}/" if load.http else target, "-n", str(load.connections)),
            *("--mode", "churn" if load.churn else "stream"),
            *("-d", f"{load.seconds}s", "--warmup", f"{load.warm_up}s"),
            *("--server-pid", str(server.pid), "--json", str(report), "--progress", "never"),
        ]

    @staticmethod
    def figures(document):
        measured, cpu = document["phases"]["measured"], document["cpu"]
        echoes = measured["echoes_within"]
        waits = document.get("kernel", {}).get("epoll_waits")
        return Figures(
            client_ns=cpu["client_ns_per_echo"] + 0.0,
            server_ns=cpu["server_ns_per_echo"] + 0.0,
            softirq_ns=cpu.get("softirq_ns_per_echo"),
            all_echoes=document["echoes"]["verified"],
            echoes_per_s=echoes / measured["ns"] * 1e9,
            echoes_per_wait=echoes / waits if waits else None,
        )
