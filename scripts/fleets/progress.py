"""A line on stderr about all ranks while they run."""

import os
import shutil
import time

import streams
from streams import printable

#: Seconds between two lines: on a terminal each replaces the last one.
LIVE, ALWAYS, PLAIN = 0.25, 1.0, 10.0
#: Ranks whose rates are shown.
MOST_NAMED = 8
#: The phases in their order: the fleet is where its last rank is.
PHASES = ("connect", "wait", "echo", "idle", "drain")


class Progress:
    """`when`: auto, always or never, as the client's --progress."""

    def __init__(self, when="auto"):
        self.live = when != "never" and os.isatty(2)
        self.interval = LIVE if self.live else ALWAYS if when == "always" else PLAIN
        self.on = when == "always" or when == "auto"
        self.shown = self.began = time.monotonic()

    def show(self, ranks):
        now = time.monotonic()
        if not self.on or now - self.shown < self.interval:
            return
        self.shown = now
        text = f"{now - self.began:5.0f} s  {line_of(ranks)}"
        if self.live:
            columns = max(shutil.get_terminal_size().columns - 1, 20)
            streams.progress("\r\033[K" + printable(text)[:columns])
        else:
            streams.log(text)

    def clear(self):
        if self.live and self.on:
            streams.progress("\r\033[K")


def line_of(ranks):
    """The sums, and the rates of the slowest ranks."""
    lines = [rank.progress for rank in ranks if rank.progress]
    phases = sorted({str(line.get("phase"))[:12] for line in lines}, key=_place)
    done = sum(rank.document is not None for rank in ranks)
    state = f", {done} with results" if done else ""
    connected, failed, verified = (
        sum(_number(line, key) for line in lines) for key in ("connected", "failed", "verified")
    )
    each = "  ".join(f"{host} {rate:,.0f}/s" for host, rate in _rates(ranks))
    return (
        f"{phases[0] if phases else 'start'}: {len(ranks)} ranks{state}, {connected:,} connected, "
        f"{failed:,} failed, {verified:,} verified: {each}"
    )


def _rates(ranks):
    """Of each rank; of the slowest where they are many."""
    rates = [(rank.host, _number(rank.progress, "echoes_per_s")) for rank in ranks]
    return rates if len(rates) <= MOST_NAMED else sorted(rates, key=lambda one: one[1])[:MOST_NAMED]


def _place(phase):
    return PHASES.index(phase) if phase in PHASES else len(PHASES)


def _number(line, key):
    value = line.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
