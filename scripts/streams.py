"""stdin, stdout and stderr of the scripts, which may be closed, full, stalled, or not UTF-8.

What a script prints on stdout may wait for its reader, such as a pager. What it prints on stderr
never does: a line that finds no room within PATIENCE is dropped, and progress is dropped at once.
Text from documents may hold any character, so those that control a terminal are escaped on stdout
and in log lines.

    streams.prepare()                 once, at the start of a process
    streams.log("scripts/sweep: ...") a line on stderr
    streams.progress("\\r\\x1b[K...")   the same without waiting, with control characters
    streams.discard_stdout()          after stdout failed, or when its reader is not waited for
"""

import io
import os
import re
import select
import sys
import time

#: Seconds that a line on stderr may wait for room.
PATIENCE = 1.0
#: A pipe that poll(2) reports as writable has room for this many bytes (pipe(7), PIPE_BUF).
AT_ONCE = 4096
#: C0 without newline and tab, DEL, C1, line separators, and characters that reorder a line.
CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]"
)


def printable(text):
    """The text with its control characters as escapes: \\x1b, \\u202e."""
    return CONTROL.sub(_escape, text)


def _escape(found):
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


class Printable(io.TextIOWrapper):
    """A text stream that escapes control characters, and characters that its encoding lacks."""

    def write(self, text):
        return super().write(printable(text))


class Stderr(io.TextIOBase):
    """stderr without a wait. Whole lines and what is flushed are written; the rest is buffered."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self):
        self.waiting, self.stalled = "", False

    def write(self, text):
        self.waiting += text
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self):
        text, self.waiting = self.waiting, ""
        self.put(text, 0)

    def put(self, text, patience):
        """Writes the text, or drops what finds no room within `patience` seconds. A stderr that
        was stalled before is not waited for."""
        data = text.encode(errors=self.errors)
        give_up = time.monotonic() + (0 if self.stalled else patience)
        room = select.poll()
        room.register(2, select.POLLOUT)
        self.stalled = False
        while data:
            left = max(give_up - time.monotonic(), 0)
            events = room.poll(left * 1000)
            if not events or not events[0][1] & select.POLLOUT:
                self.stalled = not events
                return
            try:
                data = data[os.write(2, data[:AT_ONCE]) :]
            except OSError:
                return

    def writable(self):
        return True

    def fileno(self):
        return 2

    def isatty(self):
        return os.isatty(2)


_stderr = Stderr()


def prepare():
    """Makes descriptors 0, 1 and 2 exist, so that no other file gets their number, and replaces
    sys.stdout and sys.stderr. Writing to a stdout that was closed still fails."""
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # the lowest number that is free
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout = Printable(
        open(1, "wb", closefd=False),  # noqa: SIM115
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=os.isatty(1),
    )
    sys.stderr = _stderr


def log(text):
    """Prints one line, or several, on stderr."""
    if sys.stderr is _stderr:
        _stderr.flush()
        _stderr.put(printable(text) + "\n", PATIENCE)
    else:  # a test's
        print(printable(text), file=sys.stderr, flush=True)


def progress(text):
    """Prints on stderr, with control characters, and drops what finds no room."""
    sys.stderr.write(text)
    sys.stderr.flush()


def discard_stdout():
    """Discards buffered output after stdout was closed (`| head`), full, or not read."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
