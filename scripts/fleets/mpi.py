"""A fleet whose ranks mpirun starts: they meet over MPI, and the parent only listens (decision 0029).

All frames come over mpirun's output. A signal becomes SIGUSR1, which mpirun passes on. When a rank dies,
mpirun ends the others; what came before is merged.
"""

import signal
import time

from . import fleet, frames
from .pipe import Pipe
from .rank import CLIENT, Rank

#: Seconds for mpirun to end when all documents are here: its ranks need up to 3 s for MPI_Finalize(),
#: and Open MPI two more where one ended with another code than 0. A SIGTERM meanwhile crashes it.
ENDING = 6.0
#: Seconds from a SIGTERM until mpirun has killed its ranks.
KILLING = 2.5
#: Nanoseconds from the report of all until what is missing of theirs does not matter any more.
AFTER_THE_REPORT = 1_000_000_000
#: Characters.
LONGEST_REASON = 500


class Mpirun(Rank):
    """Whose lines are no frames: its own, and those of all ranks' stderr."""

    def __init__(self):
        super().__init__(-1, "mpirun")
        self.is_over = False  #: what it says of the end of its ranks means nothing more than the report

    def tell(self, text):
        if not self.is_over or CLIENT.match(text):
            super().tell(text)

    def reason(self):
        """Its sentences have several lines."""
        return " ".join(dict.fromkeys(self.lines))[-LONGEST_REASON:]

    def failure(self):
        code, line = super().failure()
        return code, line.removeprefix("its launcher ")


class Fleet(fleet.Fleet):
    def __init__(self, commands, results, *more):
        super().__init__(commands, results, *more)
        self.words = self.commands[0][1]
        self.ranks, self.expected = [], None
        self.mpirun = Mpirun()
        self.are_strangers = False
        self.merged_at = None  #: the time of a report that rank 0 made of all
        self.is_cut = False  #: not all that was to come over mpirun has come

    def begin(self):
        give_up = time.monotonic() + self.patience
        if self.watch:
            self.watch.begin(self.loop, give_up, self.look_for_signals)
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
        self.look_for_signals()
        if self.mpirun.is_gone or time.monotonic() > give_up:
            self.refuse_by_mpirun()
        self.loop.turn(give_up)

    def refuse_by_mpirun(self):
        """With what it says, and its exit code, which come a moment after the end of its output."""
        give_up = time.monotonic() + fleet.REAPING
        while self.mpirun.pipe.open and time.monotonic() < give_up:
            self.loop.turn(give_up)
        self.mpirun.pipe.reap(give_up)
        code, line = self.mpirun.failure()
        raise fleet.Refused(code, f"mpirun: {line}")

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
            self.look_for_strangers(rank, frame)
            rank.take(frame, at)
            if rank.merged:
                self.merged_at = self.merged_at or at
            if frame.kind == "hello" and isinstance(rank.hello.get("host"), str):
                rank.host = rank.hello["host"][:255]

    def look_for_strangers(self, rank, frame):
        """Under the mpirun of another MPI each program is a whole of its own. Raises Refused."""
        if frame.kind == "hello" and rank.hello not in (None, frame.value):
            self.are_strangers = True
            raise fleet.Refused(
                3, f"several clients are rank {rank.number}: the program belongs to another MPI than mpirun"
            )

    def refuse(self, condition):
        if self.mpirun.is_gone and not self.are_refused():
            self.refuse_by_mpirun()
        super().refuse(condition)

    def compare_versions(self):
        known = next((rank.hello for rank in self.ranks if rank.hello), {})
        for rank in self.ranks:
            rank.hello = rank.hello or known
        super().compare_versions()

    def quit(self):
        """No rank hears a command: those that have not ended, mpirun ends."""
        if len(self.signals) > 1:
            self.loop.end(fleet.AT_ONCE, fleet.AT_ONCE)
        elif self.are_strangers or (self.started_at is None and not self.are_refused()):
            self.loop.end(0.0, KILLING)  # they would go on without the parent
        else:
            self.loop.end(fleet.AT_ONCE if self.is_cut else ENDING, KILLING)

    def are_refused(self):
        return any(rank.refused for rank in self.ranks)

    def stop(self):
        # mpirun passes it on and goes on itself; after SIGTERM it kills within a second.
        self.mpirun.pipe.process.send_signal(signal.SIGUSR1)

    def is_awaited(self, rank, now):
        """No clock answers here; mpirun ends when the ranks have."""
        if self.merged_at and now - self.merged_at > AFTER_THE_REPORT:
            return False
        return rank.document is None and not rank.is_gone

    def look_at_document(self, rank, now):
        if rank.document is not None and rank.after is None:
            rank.after = False  # its document has it
            self.results.keep(rank)

    def agree_on_traffic(self, running):
        """They do, over MPI."""

    def follow(self):
        """Raises Refused where the ranks agreed on an end before their start."""
        super().follow()
        if all(rank.refused for rank in self.ranks) and not self.signals:
            self.refuse(lambda _: True)

    def conclude(self, now):
        """Where documents are missing, what the ranks merged themselves has them."""
        super().conclude(now)
        self.mpirun.is_over = True
        self.is_cut = bool(self.missing)
        merged = next((rank.merged for rank in self.ranks if rank.merged), None)
        if merged and self.missing:
            self.missing = {}
            self.results.keep_merged(merged)

    def why(self, rank, now):
        if not rank.refused and rank.is_gone:
            return self.mpirun.pipe.end_text().replace("its launcher", "mpirun")
        return super().why(rank, now)
