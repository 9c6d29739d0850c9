"""Progress of scripts/compare-models on stderr: a live line on a terminal, else plain lines."""

import os
import sys
import time

#: Seconds between two plain lines where stderr is no terminal, so that a log stays readable.
PAUSE = 10


class Progress:
    def __init__(self):
        self.live, self.said_at = sys.stderr.isatty(), None

    def say(self, text, always=False):
        """`always`: in a log too, however recent its last line is."""
        now = time.monotonic()
        if self.live:
            width = os.get_terminal_size(sys.stderr.fileno()).columns or 80
            print(f"\r\033[K{text[: width - 1]}", end="", file=sys.stderr, flush=True)
        elif always or self.said_at is None or now - self.said_at >= PAUSE:
            print(text, file=sys.stderr, flush=True)
            self.said_at = now

    def clear(self):
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
