"""A line on stderr while connections are opened, used and closed."""

import os
import shutil
import sys
import time

import streams

#: Seconds between two lines: on a terminal each replaces the last one.
LIVE, PLAIN = 0.5, 10.0


def amount(size):
    """1536 -> "1.5 KiB"."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} B" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1024
    return None


class Progress:
    def __init__(self, connections, quiet=False):
        self.connections, self.quiet = connections, quiet
        self.live = os.isatty(2)
        self.began = self.shown = time.monotonic()
        self.before = (self.began, 0)

    def show(self, phase, connected, verified, failed, free):
        """`free`: bytes of free memory, or None."""
        now = time.monotonic()
        if self.quiet or now - self.shown < (LIVE if self.live else PLAIN):
            return
        self.shown = now
        count = verified if phase == "echo" else connected
        then, earlier = self.before
        self.before = now, count
        rate = abs(count - earlier) / max(now - then, 1e-9)
        memory = f", free memory {amount(free)}" if free is not None else ""
        self.write(
            f"{now - self.began:5.0f} s  {phase:<8} {connected:,} of {self.connections:,} connected, "
            f"{verified:,} echoes verified, {failed:,} failed, {rate:,.0f}/s{memory}"
        )

    def message(self, text):
        if not self.quiet:
            self.clear()
            streams.log(text)

    def write(self, text):
        if self.live:
            columns = shutil.get_terminal_size().columns - 1
            streams.progress("\r\033[K" + text[:columns])
        else:
            streams.log(text)

    def clear(self):
        if self.live and not self.quiet:
            streams.progress("\r\033[K")
            sys.stderr.flush()
