"""Leads the ranks of a fleet from their start to their results (decision 0029).

    fleet = Fleet(commands, results, progress, patience)
    with fleet:
        fleet.begin()         all ranks are there, their clocks are known, they can begin, they began
        fleet.follow()        until there is a result of each, or none will come
    fleet.missing             {rank number: (host, why)}

Before the start one rank that cannot begin refuses the whole. From then on the others go on.
"""

import time

import entry_point

from . import frames
from .pipe import Loop, Pipe
from .rank import AT_THE_END, Rank

#: Nanoseconds from a command to the common time that it names, beside the longest way there.
LEAD = 200_000_000
#: Nanoseconds after its deadline until which a rank's result counts.
FOR_THE_RESULTS = 1_000_000_000
#: Seconds: for a rank to end after `quit`, and for the others to refuse as well.
ENDING, OTHER_REFUSALS = 2.0, 0.3
#: Seconds for the same after a second signal.
AT_ONCE = 0.5
#: Seconds between the end of a launcher's output and its own, for all.
REAPING = 0.3
#: Of ranks whose clocks are measured one after the other; hosts that a line names.
MOST_GROUPS, MOST_NAMED = 20, 8
#: Characters of a version.
MOST_TEXT = 80


def listed(hosts):
    """h1, h2, h3 and 7 more"""
    hosts = list(dict.fromkeys(hosts))
    more = f" and {len(hosts) - MOST_NAMED} more" if len(hosts) > MOST_NAMED else ""
    return ", ".join(hosts[:MOST_NAMED]) + more


def known_commit(rank):
    """None: built outside of a git checkout, which says nothing."""
    commit = str(rank.hello.get("commit", "unknown"))[:MOST_TEXT]
    return None if commit == "unknown" else commit


class Refused(Exception):
    """The fleet cannot begin: lines, and the exit code."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Interrupted(Exception):
    """Before the start. The number of the signal is in Fleet.signals."""


class Fleet:
    """`commands`: [(host, words)], one per rank. `results`: results.Results, which keeps what came."""

    def __init__(self, commands, results, progress, patience, watch=None):
        self.commands, self.results, self.progress = commands, results, progress
        self.patience = patience  #: seconds in which all must be ready
        self.watch = watch  #: server.Watch, of the server's machine; None: it is not watched
        self.ranks = [Rank(number, host) for number, (host, _) in enumerate(commands)]
        self.signals = []
        self.round = 0
        self.started_at = self.give_up = None
        self.ended = False  #: what comes now is too late
        self.missing = {}  #: {number: (host, why)} of the ranks without a document, at the end

    # ---- frame -----------------------------------------------------------------------------------
    def __enter__(self):
        self.loop = Loop()
        self.handlers = entry_point.handle(lambda number, _: self.signals.append(number))
        return self

    def __exit__(self, *_):
        self.ended = True
        try:
            self.quit()
        finally:
            self.loop.close()
            entry_point.restore(self.handlers)
            self.progress.clear()

    def quit(self):
        """Until all have ended, or are ended."""
        self.tell_all("quit")
        patience = AT_ONCE if len(self.signals) > 1 else ENDING
        self.loop.end(patience, min(patience, 1.0))

    def tell_all(self, command):
        for rank in self.ranks:
            rank.send(command)

    # ---- up to the start -------------------------------------------------------------------------
    def begin(self):
        """Raises Refused, pipe.NotStarted, Interrupted."""
        give_up = time.monotonic() + self.patience
        if self.watch:
            self.watch.begin(self.loop, give_up, self.look_for_signals)
        for rank, (_, words) in zip(self.ranks, self.commands):
            self.launch(rank, words)
        self.wait(lambda rank: rank.hello, give_up)
        self.compare_versions()
        for some in self.groups():
            self.measure_clocks(some, give_up)
        self.wait(lambda rank: rank.ready, give_up)
        self.start()

    def launch(self, rank, words):
        reader = rank.reader = frames.Reader(rank=rank.number)

        def heard(data, at):
            found, other = reader.feed(data)
            for line in other:
                rank.tell(line.decode(errors="replace"))
            for frame in found if not self.ended else ():
                rank.take(frame, at)

        rank.pipe = Pipe(words, heard, rank.complained)
        rank.heard_at = time.monotonic_ns()
        self.loop.add(rank.pipe)

    def wait(self, condition, give_up):
        """Until it holds for each rank. Raises Refused where it cannot, or not in time."""
        while not all(map(condition, self.ranks)):
            self.look_for_signals()
            late = time.monotonic() > give_up
            if late or any(rank.refused or rank.is_gone for rank in self.ranks):
                self.refuse(condition)
            self.loop.turn(give_up)

    def look_for_signals(self):
        if self.signals:
            raise Interrupted

    def refuse(self, condition):
        """Those whose failure is the reason, and what others say within a moment."""
        give_up = time.monotonic() + OTHER_REFUSALS
        while time.monotonic() < give_up:
            self.loop.turn(give_up)
        failed = [rank for rank in self.ranks if rank.refused]
        failed = failed or [rank for rank in self.ranks if rank.is_gone]
        failed = failed or [rank for rank in self.ranks if not condition(rank)]
        hosts = {}  #: {(exit code, line): those that say so}
        for rank in failed:
            hosts.setdefault(rank.failure(), []).append(rank.host)
        lines = [f"{listed(those)}: {line}" for (_, line), those in hosts.items()]
        raise Refused(next(iter(hosts))[0], "\n".join(lines))

    def compare_versions(self):
        commits = {known_commit(rank) for rank in self.ranks} - {None}
        versions = {}
        for rank in self.ranks:
            text = str(rank.hello.get("version"))[:MOST_TEXT]
            if len(commits) > 1:
                text += f", commit {known_commit(rank) or 'unknown'}"
            versions.setdefault(text, []).append(rank.host)
        if len(versions) > 1:
            each = "; ".join(f"{listed(hosts)}: {text}" for text, hosts in versions.items())
            raise Refused(3, f"clients of several versions: {each}; must be the same everywhere")

    def groups(self):
        """The ranks whose clocks are measured at once: one after the other is exact, and takes up to a
        second for each host that is far away.
        """
        size = -(-len(self.ranks) // MOST_GROUPS)
        return [self.ranks[at : at + size] for at in range(0, len(self.ranks), size)]

    def measure_clocks(self, some, give_up):
        for rank in some:
            rank.clock.begin(time.monotonic_ns())
        while any(rank.clock.busy for rank in some):
            self.loop.turn(time.monotonic() + 0.1)
            for rank in some:
                rank.clock.look(time.monotonic_ns())
            self.look_for_signals()
            late = time.monotonic() > give_up
            if late or any(rank.refused or rank.is_gone for rank in some):
                self.refuse(lambda rank: not rank.clock.busy)
        for rank in some:
            rank.before = rank.clock.offset
            if rank.before is None:
                raise Refused(4, f"{rank.host}: its clock does not answer")
            self.send_offset(rank, "before", rank.before)

    @staticmethod
    def send_offset(rank, when, offset):
        rank.send(f"offset {when} {offset.ns} {offset.bound} {offset.at}")

    def common_time(self):
        """On this machine's clock: late enough that all know it by then."""
        longest = max(rank.before.bound for rank in self.ranks)
        return time.monotonic_ns() + LEAD + 4 * longest

    def start(self):
        self.started_at = self.common_time()
        for rank in self.ranks:
            rank.tells = True
            rank.send(f"start {rank.before.there(self.started_at)}")
        self.set_deadline()

    def set_deadline(self):
        deadlines = [rank.deadline for rank in self.ranks if rank.deadline is not None]
        if deadlines:
            self.give_up = self.started_at + max(deadlines) + FOR_THE_RESULTS

    # ---- from the start on -----------------------------------------------------------------------
    def follow(self):
        stopped = False
        while len(self.signals) < 2:
            self.loop.turn(self.turn_ends())
            now = time.monotonic_ns()
            if self.signals and not stopped:
                stopped = True
                self.stop()
            for rank in self.ranks:
                self.look_at_document(rank, now)
            awaited = [rank for rank in self.ranks if self.is_awaited(rank, now)]
            if not awaited or (self.give_up and now > self.give_up):
                break
            self.agree_on_traffic([rank for rank in awaited if rank.document is None])
            self.progress.show(self.ranks)
        self.conclude(time.monotonic_ns())

    def turn_ends(self):
        """Seconds of the clock, for Loop.turn."""
        return self.give_up / 1e9 if self.give_up else None

    def stop(self):
        self.tell_all("stop")

    def is_awaited(self, rank, now):
        if rank.document is not None:
            return rank.clock.busy and not rank.is_gone
        return not rank.is_gone and not rank.is_silent(now)

    def look_at_document(self, rank, now):
        """Keeps it at once, and again with the clock's offset at the end."""
        if rank.document is None or rank.after is not None:
            return
        rank.clock.look(now)
        if rank.clock.budget != AT_THE_END:
            self.results.keep(rank)
            rank.clock.budget = AT_THE_END
            rank.clock.begin(now)
        elif not rank.clock.busy and rank.clock.offset is not None:
            rank.after = rank.clock.offset
            self.send_offset(rank, "after", rank.after)
            rank.send("quit")
            self.results.keep(rank)

    def agree_on_traffic(self, running):
        """When all that run stand. Those that are silent find the command when they read again."""
        if not running or any(rank.standing <= self.round for rank in running):
            return
        self.round += 1
        due = self.common_time()
        for rank in self.ranks:
            if rank.document is None:
                rank.send(f"traffic {rank.before.there(due)}")

    # ---- the end ---------------------------------------------------------------------------------
    def conclude(self, now):
        """Before those that have not ended are."""
        self.ended = True
        give_up = time.monotonic() + REAPING
        for rank in self.ranks:
            if rank.document is None:
                if rank.is_gone:
                    rank.pipe.reap(give_up)
                self.missing[rank.number] = rank.host, f"{self.why(rank, now)}; {rank.last_seen()}"

    def why(self, rank, now):
        if rank.refused:
            return f"exit {rank.refused[0]}: {rank.refused[1]}"
        if rank.is_gone:
            torn = f", {rank.reader.dropped} lines of it were torn" if rank.reader.dropped else ""
            return rank.pipe.end_text() + torn
        if rank.is_silent(now):
            return "it did not answer any more"
        return "interrupted" if len(self.signals) > 1 else "no result by the deadline"
