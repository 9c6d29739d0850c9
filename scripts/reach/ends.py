"""The two ends of a run: a server of the testbed and its client, from the start to the teardown.

Every wait is bounded. Both are ended by their own pids, the client first: it closes its sockets,
and the server has few to close.
"""

import contextlib
import json
import pathlib
import signal
import subprocess
import time

import bench_runs

from .series import Series

#: Seconds that closing may take for each 1,000 connections, and in all cases: some 30 us are usual.
CLOSING_EACH_1000, CLOSING = 1.0, 30.0


class Failed(Exception):
    """An end could not be started, or ended too early; one line."""


class Ends:
    """`with Ends(...) as ends:` starts the server; `ends.connect(...)` the client."""

    def __init__(self, binaries, program, model, connections, options, folder):
        self.binaries, self.connections = binaries, connections
        self.folder = pathlib.Path(folder)
        self.name = f"{program}:{model}"
        self.options = ["--max-connections", str(connections), *options]
        self.client = None
        self.closing = CLOSING + CLOSING_EACH_1000 * connections / 1000

    def __enter__(self):
        self.errors = open(self.folder / "server.err", "wb")  # noqa: SIM115
        try:
            self.server = bench_runs.Server(
                self.binaries,
                self.name,
                None,
                arguments=[*self.options, "--json", self.folder / "server.json"],
                errors=self.errors,
            )
        except bench_runs.RunFailed as error:
            self.errors.close()
            raise Failed(self.last_error("server.err") or str(error)) from error
        return self

    def connect(self, options):
        """Starts the client with `options` in addition to those that every run has."""
        self.series = Series(self.folder / "series.jsonl")
        words = [
            *(self.binaries / "client", f"127.0.0.1:{self.server.port}"),
            *("-n", self.connections, "--server-pid", self.server.pid),
            *("--series", self.series.path, "--interval", "250ms", "--progress", "never"),
            *("--json", self.folder / "client.json"),
            *options,
        ]
        with open(self.folder / "client.err", "wb") as errors:
            try:
                self.client = subprocess.Popen(
                    list(map(str, words)),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
            except OSError as error:
                raise Failed(f"{words[0]}: {error.strerror}") from error

    def forget_client(self):
        """Before the next one is started."""
        self.client = None
        for name in ("client.json", "series.jsonl"):
            (self.folder / name).unlink(missing_ok=True)

    @property
    def pids(self):
        return [self.server.pid, self.client.pid]

    def running(self):
        """Whether both are. Raises Failed if the server has ended before the client."""
        if self.client.poll() is not None:
            return False
        if self.server.process.poll() is not None:
            raise Failed(f"the server ended: {self.last_error('server.err') or 'without a word'}")
        return True

    def stop_client(self):
        """Ends the client: a signal, more time, then the end. Returns the seconds it took."""
        began = time.monotonic()
        for number, patience in ((signal.SIGINT, self.closing), (signal.SIGKILL, self.closing)):
            if self.client is None or self.client.poll() is not None:
                break
            self.client.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.client.wait(patience)
        return time.monotonic() - began

    def stop_server(self):
        """Likewise."""
        began = time.monotonic()
        process = self.server.process
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(self.closing)
        return time.monotonic() - began

    def __exit__(self, *_):
        self.stop_client()
        self.stop_server()
        self.errors.close()

    def document(self, name):
        """That of "client" or "server"; None if it wrote none."""
        try:
            return json.loads((self.folder / f"{name}.json").read_text())
        except (OSError, ValueError):
            return None

    def last_error(self, name):
        """The last line of an end's stderr that is not its progress."""
        lines = (self.folder / name).read_text(errors="replace").splitlines()
        lines = [line for line in lines if not line.startswith("listening ")]
        return lines[-1] if lines else ""
