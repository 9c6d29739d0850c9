"""A run of scripts/million and scripts/threads: connect, one verified echo on each, hold, account.

The result is complete, on disk and synced, while all connections stand. What follows, closing them,
is timed apart: it takes as long as the kernel needs.
"""

import dataclasses
import pathlib
import tempfile
import time

import account

from . import ends, progress, result

#: Seconds between two looks.
LOOK = 0.25
#: Seconds that connecting and echoing may take for each 1,000 connections, and in all cases.
EACH_1000, ALWAYS = 2.0, 120.0
#: Seconds between two readings of memory that must agree, and for reading what processes have.
SETTLING, TAKING = 1.0, 3.0


@dataclasses.dataclass(frozen=True)
class Plan:
    name: str  #: of the script, for the document
    program: str  #: echo_threads or echo_async
    model: str
    connections: int
    hold: float  #: seconds for which all stand after the echoes
    keep_free: int  #: bytes of free memory below which no connection is opened
    server_options: tuple = ()
    client_options: tuple = ()
    sysctls: dict = dataclasses.field(default_factory=dict)  #: set for this run

    def client_words(self):
        return [
            *("--mode", "hold", "--duration", f"{self.hold:g}s", "--keep-free", self.keep_free),
            # A burst of N takes as long as N echoes; a connect waits behind thousands of others.
            *("--timeout", "120s", "--connect-timeout", "60s", *self.client_options),
        ]


class Run:
    """`go` returns a result.Result. `save` is called with it whenever there is more to keep."""

    def __init__(self, plan, binaries, save, forecast=None, quiet=False):
        self.plan, self.binaries, self.save = plan, binaries, save
        self.progress = progress.Progress(plan.connections, quiet)
        self.result = result.Result(plan, binaries, forecast)

    def go(self):
        with tempfile.TemporaryDirectory(prefix="echo-testbed-") as folder:
            plan = self.plan
            both = ends.Ends(
                *(self.binaries, plan.program, plan.model, plan.connections),
                *(plan.server_options, pathlib.Path(folder)),
            )
            with both:
                self.result.before = account.settle(
                    lambda: account.snapshot([both.server.pid]), SETTLING
                )
                both.connect(plan.client_words())
                try:
                    self.follow(both)
                    self.watch_closing(both)
                finally:
                    self.end(both)
        return self.result

    def follow(self, both):
        """Until the account is taken, or the client ends."""
        give_up = time.monotonic() + ALWAYS + EACH_1000 * self.plan.connections / 1000
        while both.running():
            self.look(both)
            if both.series.phase == "idle":
                self.take_account(both)
                return
            if time.monotonic() > give_up:
                raise ends.Failed("neither connected nor failed in time")
            time.sleep(LOOK)

    def look(self, both):
        series = both.series
        series.read()
        self.result.saw(series.last)
        free = self.free()
        self.progress.show(
            *(series.phase, series["connected"], series["verified"], series["failed"], free)
        )

    @staticmethod
    def free():
        return account.snapshot(())["free"]

    def take_account(self, both):
        patience = max(self.plan.hold - TAKING, SETTLING)
        after = account.settle(lambda: account.snapshot(both.pids), SETTLING, patience)
        both.series.read()
        # Only what was read while all stood is a figure of standing connections.
        if both.series.phase == "idle" and both.running():
            self.result.stood(both.series.last, after)
        self.progress.clear()
        self.save(self.result)

    def watch_closing(self, both):
        """The client closes at the end of its hold by itself."""
        give_up = time.monotonic() + self.plan.hold + both.closing
        while both.client.poll() is None and time.monotonic() < give_up:
            self.look(both)
            if both.series.phase == "drain" and self.result.closing_began is None:
                self.result.closing_began = time.monotonic()
            time.sleep(LOOK)

    def end(self, both):
        """Ends what runs, at once after a signal or a failure, and reads what both wrote."""
        try:
            began = self.result.closing_began or time.monotonic()
            both.stop_client()
            self.result.client_closed = time.monotonic() - began
            self.result.server_closed = both.stop_server()
        finally:
            both.stop_client()
            both.stop_server()
            self.result.client = both.document("client")
            self.result.server = both.document("server")
            self.result.complaint = both.last_error("client.err")
            self.progress.clear()
            self.save(self.result)
