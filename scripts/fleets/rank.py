"""One client of a fleet, as its frames show it."""

import re

import streams

from .clock import Clock

#: Seconds of silence after which a rank is asked whether it lives, and after which it is given up.
ASK_AFTER, SILENT_AFTER = 5.0, 20.0
#: Nanoseconds for the clock at the end: the rank waits 2 s for it.
AT_THE_END = 1_000_000_000
#: Lines that a host may write beside its frames.
MOST_LINES = 200
KEPT_LINES = 20
#: Characters of a message that a client sends.
MOST_TEXT = 2000
#: Exit codes of a client: 1 is that of many launchers, and of no client that cannot begin.
CODES = (1, 2, 3, 4, 5, 6, 7)
#: The client's line for what ends it, with the reason.
CLIENT = re.compile(r"client(?:-mpi)?: (.+)")
#: Lines without a reason: rules, and what hydra says of every end.
_NO_REASON = re.compile(r"\W*$|This typically refers to|Please see the FAQ")


class Rank:
    """`pipe` is set once it is started; None in between. Times are CLOCK_MONOTONIC, nanoseconds."""

    def __init__(self, number, host):
        self.number, self.host = number, host
        self.pipe = self.reader = None
        self.hello = self.refused = self.document = self.exit_code = self.deadline = None
        self.merged = None  #: the report of all, from rank 0 of client-mpi
        self.ready = False
        self.standing = 0  #: how many times: once in each round
        self.progress = {}  #: the last one
        self.clock = Clock(lambda number: self.send(f"clock {number}"))
        self.before = self.after = None  #: Offset
        self.heard_at = 0
        self.asked = False
        self.lines = []  #: the last lines of its stderr
        self.line = b""  #: one that is not whole yet
        self.other_lines = 0
        self.tells = False  #: lines of stderr are told at once

    # ---- what comes ------------------------------------------------------------------------------
    def take(self, frame, at):
        """A frame that came at `at`. Values of the wrong type are those of no client: ignored."""
        self.heard_at, self.asked = at, False
        value = frame.value if isinstance(frame.value, dict) else {}
        if frame.kind == "hello":
            self.hello = value
        elif frame.kind == "clock":
            if isinstance(value.get("id"), int) and isinstance(value.get("ns"), int):
                self.clock.answered(value["id"], value["ns"], at)
        elif frame.kind == "refused":
            message = str(value.get("message", ""))[:MOST_TEXT]
            self.refused = (_code(value.get("exit_code")), message)
        elif frame.kind == "ready":
            self.ready = True
            if isinstance(value.get("deadline_ns"), int) and value["deadline_ns"] >= 0:
                self.deadline = value["deadline_ns"]
        elif frame.kind == "progress":
            self.progress = value
        elif frame.kind == "standing":
            self.standing += 1
        elif frame.kind == "document":
            self.document = value
        elif frame.kind == "merged":
            self.merged = value
        elif frame.kind == "end":
            self.exit_code = value.get("exit_code")

    def complained(self, data):
        """Text on stderr: told from the start on, before it kept for the reason of a failure."""
        *lines, rest = (self.line + data).split(b"\n")
        self.line = rest[:4096]
        for line in lines:
            text = line.decode(errors="replace").strip("\r")[:1000]
            if _NO_REASON.match(text):
                continue
            self.lines = [*self.lines[1 - KEPT_LINES :], text]
            if self.tells:
                self.tell(text)

    def tell(self, text):
        """A line that the host wrote beside its frames."""
        self.other_lines += 1
        if self.other_lines <= MOST_LINES:
            streams.log(f"{self.host}: {text}")
        elif self.other_lines == MOST_LINES + 1:
            streams.log(f"{self.host}: more lines are not shown")

    # ---- what goes -------------------------------------------------------------------------------
    def send(self, command):
        if self.pipe:
            self.pipe.send(command)

    # ---- what follows ----------------------------------------------------------------------------
    @property
    def is_gone(self):
        return self.pipe is None or self.pipe.is_closed

    def is_silent(self, now):
        """Whether it has answered nothing for SILENT_AFTER. Asks it before."""
        silence = (now - self.heard_at) / 1e9
        if silence > ASK_AFTER and not self.asked:
            self.asked = True
            self.clock.ask_once(now)
        return silence > SILENT_AFTER

    def last_seen(self):
        """Its last progress as a phrase."""
        if not self.progress:
            return "no progress seen"
        number = {
            key: value if isinstance(value, int) else 0
            for key in ("at_ns", "connected", "failed", "verified")
            for value in [self.progress.get(key)]
        }
        return (
            f"last seen after {number['at_ns'] / 1e9:.0f} s: {str(self.progress.get('phase'))[:20]}, "
            f"{number['connected']:,} connected, {number['verified']:,} verified"
        )

    def reason(self):
        return self.lines[-1]

    def failure(self):
        """(exit code, one line) of a rank that ended, or did not answer, before the start."""
        if self.refused:
            return self.refused
        code = self.pipe.process.poll() if self.is_gone else None
        own = [found[1] for found in map(CLIENT.match, self.lines) if found]
        if own and code in CODES[1:]:
            return code, own[-1]
        said = f": {own[-1] if own else self.reason()}" if self.lines else ""
        if not self.is_gone:
            what = "is not ready" if self.hello else "no client answers"
            return 4, f"{what}{said}"
        if code == 127:  # of a shell
            code = 3
        # 1 is that of many launchers, and of no client that cannot begin.
        return 4 if code == 1 else _code(code), f"{self.pipe.end_text()}{said}"


def _code(value):
    """An exit code of a client; 4 for what is none."""
    return value if value in CODES and not isinstance(value, bool) else 4
