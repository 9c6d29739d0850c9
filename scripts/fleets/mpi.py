"""A fleet whose ranks mpirun starts: they meet over MPI, and the parent only listens (decision 0029).

All frames come over mpirun's output. A signal becomes SIGUSR1, which mpirun passes on. When a rank dies,
mpirun ends the others; what came before is merged.
"""

import signal
import time

from . import fleet, frames
from .pipe import Pipe
from .rank import Rank


class Fleet(fleet.Fleet):
    def __init__(self, commands, results, *more):
        super().__init__(commands, results, *more)
        self.words = self.commands[0][1]
        self.ranks, self.expected = [], None
        self.mpirun = Rank(-1, "mpirun")  #: whose lines are no frames
        self.by_number = {}

    def begin(self):
        give_up = time.monotonic() + self.patience
        if self.watch:
            self.watch.begin(self.loop, give_up)
        reader = self.mpirun.reader = frames.Reader()

        def heard(data, at):
            found, other = reader.feed(data)
            for line in other:
                self.mpirun.tell(line.decode(errors="replace"))
            for frame in found if not self.ended else ():
                self.take(frame, at)

        pipe = Pipe(self.words, heard, self.mpirun.complained, stdin=False)
        self.mpirun.pipe = pipe
        self.loop.add(pipe)
        while self.expected is None:
            self.look(give_up)
        self.wait(lambda rank: rank.ready or rank.progress or rank.document, give_up)
        self.compare_versions()
        self.mpirun.tells = True
        self.started_at = time.monotonic_ns()
        self.set_deadline()

    def look(self, give_up):
        """Until the first rank has told how many there are."""
        if self.signals:
            raise fleet.Interrupted
        if self.mpirun.is_gone or time.monotonic() > give_up:
            self.loop.turn(time.monotonic() + 0.1)
            code, line = self.mpirun.failure()
            raise fleet.Refused(code, f"mpirun: {line}")
        self.loop.turn(give_up)

    def take(self, frame, at):
        if self.expected is None:
            ranks = frame.value.get("ranks") if isinstance(frame.value, dict) else None
            if frame.kind != "hello" or not isinstance(ranks, int):
                return
            if not 0 < ranks <= frames.MOST_RANKS:
                return
            self.expected = ranks
            self.ranks = [Rank(number, f"rank {number}") for number in range(ranks)]
            for rank in self.ranks:
                rank.pipe, rank.reader = self.mpirun.pipe, self.mpirun.reader
        if frame.rank < self.expected:
            rank = self.ranks[frame.rank]
            rank.take(frame, at)
            if frame.kind == "hello" and isinstance(rank.hello.get("host"), str):
                rank.host = rank.hello["host"][:255]

    def refuse(self, condition):
        if not any(rank.refused for rank in self.ranks) and self.mpirun.is_gone:
            code, line = self.mpirun.failure()
            raise fleet.Refused(code, f"mpirun: {line}")
        super().refuse(condition)

    def compare_versions(self):
        for rank in self.ranks:
            rank.hello = rank.hello or {"version": self.ranks[0].hello.get("version")}
        super().compare_versions()

    def stop(self):
        # mpirun passes it on and goes on itself; after SIGTERM it kills within a second.
        self.mpirun.pipe.process.send_signal(signal.SIGUSR1)

    def is_awaited(self, rank, now):
        """No clock answers here; mpirun ends when the ranks have."""
        return rank.document is None and not rank.is_gone

    def look_at_document(self, rank, now):
        if rank.document is not None and rank.after is None:
            rank.after = False  # its document has it
            self.results.keep(rank)

    def agree_on_traffic(self, running):
        """They do, over MPI."""

    def conclude(self, now):
        """Where documents are missing, what the ranks merged themselves has them."""
        super().conclude(now)
        merged = next((rank.merged for rank in self.ranks if rank.merged), None)
        if merged and self.missing:
            self.missing = {}
            self.results.keep_merged(merged)

    def why(self, rank, now):
        if not rank.refused and rank.is_gone:
            return self.mpirun.pipe.end_text().replace("its launcher", "mpirun")
        return super().why(rank, now)
