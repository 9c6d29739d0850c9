"""A server of another project: a command line in which {port} is replaced by a free port.

Such a server reports no readiness. It is ready when the kernel lists its port as listening in
/proc/PID/net/tcp. This adds no connection to its counts and works in a network namespace too. Use
it in a `with` statement, like bench_runs.Server.
"""

import os
import pathlib
import shlex
import signal
import socket
import subprocess
import time

import bench_runs

LISTENING = "0A"  # include/net/tcp_states.h, as /proc/net/tcp prints it


def split(command):
    from . import sweep_design  # which needs this module

    return sweep_design.split(command, "command")


def is_foreign(name):
    return "{port}" in name


class Server:
    def __init__(
        self,
        name,
        cpu=None,
        prefix=(),
        errors=subprocess.DEVNULL,
        environment=None,
        in_turns=False,
    ):
        self.name, self.port, self.ended_by = name, free_port(), None
        words = [word.replace("{port}", str(self.port)) for word in split(name)]
        self.arguments = [*map(str, prefix), *words]
        try:
            self.process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                preexec_fn=bench_runs.pinned(cpu, in_turns),
                env=environment,
            )
        except OSError as error:
            raise bench_runs.RunFailed(f"{words[0]}: {error.strerror}") from error
        self.pid = self.process.pid
        give_up = time.monotonic() + bench_runs.START_TIMEOUT
        while not listens(self.pid, self.port):
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.end(signal.SIGKILL)
                raise bench_runs.NeverListened(words[0], self.process.returncode)
            time.sleep(0.005)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end(signal.SIGTERM)

    end = bench_runs.Server.end


def free_port():
    """A port that is free at this moment. Another process may take it before the server does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(pid, port):
    wanted = f":{port:04X}"
    for name in ("tcp", "tcp6"):
        try:
            lines = pathlib.Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == LISTENING:
                return True
    return False


def environment_with(more):
    """This process's environment plus `more`; None: unchanged."""
    return {**os.environ, **more} if more else None
