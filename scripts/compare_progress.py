"""Progress of scripts/compare-models on stderr: a live line on a terminal, else plain lines."""

import os
import sys
import time

import streams

#: Seconds between two plain lines where stderr is no terminal, so that a log stays readable.
PAUSE = 10


class Progress:
    def __init__(self):
        self.live, self.said_at = sys.stderr.isatty(), None

    def say(self, text, always=False):
        """`always`: in a log too, however recent its last line is."""
        now = time.monotonic()
        if self.live:
            width = os.get_terminal_size(2).columns or 80
            streams.progress(f"\r\033[K{text[: width - 1]}")
        elif always or self.said_at is None or now - self.said_at >= PAUSE:
            streams.progress(text + "\n")
            self.said_at = now

    def clear(self):
        if self.live:
            streams.progress("\r\033[K")
