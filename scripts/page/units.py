"""Formats figures for reading, and computes the ticks of an axis. Pure.

A column or an axis has one unit for all its values, chosen for their median. A single figure in a
sentence has its own unit.
"""

import dataclasses
import math
import statistics

#: No-break space between a number and its unit.
SPACE = "\u00a0"
#: Above this ratio of the largest to the smallest value an axis is logarithmic.
LOG_FROM = 20
#: An axis spans at least this share of its values.
LEAST_SPAN = 0.1
_STEPS = {
    "ns": (("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9)),
    "s": (("us", 1e-6), ("ms", 1e-3), ("s", 1)),
    "B": (("B", 1), ("KiB", 2**10), ("MiB", 2**20), ("GiB", 2**30)),
}
#: Below this bytes stay bytes: 8,917 B is more exact than 8.7 KiB.
_BYTES_UP_TO = 10_000


def many(count, one, several=None):
    """1 run, 2,000 runs."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"


@dataclasses.dataclass(frozen=True)
class Scale:
    unit: str  #: as shown: us, MiB, /s; empty for a count
    size: float  #: one of `unit` in the figure's own unit
    decimals: int

    def number(self, value):
        """Without its unit; "-" for None."""
        if value is None:
            return "-"
        shown = value / self.size
        if self.decimals and abs(shown) < 0.5 * 10**-self.decimals and shown:
            return f"{shown:.2g}"
        return f"{shown:,.{self.decimals}f}"

    def text(self, value):
        number = self.number(value)
        if number == "-" or not self.unit:
            return number
        return number + ("/s" if self.unit == "/s" else f"{SPACE}{self.unit}")


def scale(values, unit):
    """One Scale for all of `values`, some of which may be None."""
    known = [abs(value) for value in values if value is not None]
    middle = statistics.median(known) if known else 0
    name, size = _unit_for(middle, unit)
    largest = max(known, default=0) / size
    shown = middle / size
    if all(float(value / size).is_integer() for value in known) and (size == 1 or unit == "1"):
        return Scale(name, size, 0)
    decimals = 0 if not shown else max(0, min(3, 2 - math.floor(math.log10(shown))))
    if unit in ("1/s", "1") and (shown >= 100 or largest >= 1000):
        decimals = 0
    return Scale(name, size, decimals)


def _unit_for(value, unit):
    if unit == "1/s":
        return "/s", 1
    if unit not in _STEPS:
        return ("" if unit in ("1", None) else str(unit)), 1
    steps = _STEPS[unit]
    if unit == "B" and value < _BYTES_UP_TO:
        return steps[0]
    if not value:
        return next(step for step in steps if step[1] == 1)
    return next((step for step in reversed(steps) if value >= step[1]), steps[0])


def text(value, unit):
    """A single figure with its unit: 16.3 us, 8,917 B, 61,234/s."""
    return scale([value], unit).text(value)


def percent(fraction, decimals=1):
    return "-" if fraction is None else f"{100 * fraction:.{decimals}f}{SPACE}%"


def change(ratio, low=None, high=None):
    """A ratio as a change: +3.1 % (2.0 to 4.3), -12 % (-15 to -9), 4.02 x (3.70 to 4.41)."""
    if ratio is None:
        return "-"
    ends = [end for end in (ratio, low, high) if end is not None]
    if ratio >= 2 or ratio <= 0.5:
        shown, sign = [f"{end:.3g}" for end in ends], "x"
    else:
        percents = [100 * (end - 1) for end in ends]
        decimals = 0 if max(map(abs, percents)) >= 20 else 1
        shown, sign = [f"{percent:+.{decimals}f}" for percent in percents], "%"
    between = f" ({shown[1]} to {shown[2]})" if len(shown) == 3 else ""
    return f"{shown[0]}{SPACE}{sign}{between}"


def quantity(level):
    """The level of a factor as a number (16K: 16384), or None."""
    word = str(level).strip()
    suffix = word[-1:].upper()
    size = {"K": 2**10, "M": 2**20, "G": 2**30}.get(suffix, 1)
    try:
        return float(word[:-1] if size > 1 else word) * size
    except ValueError:
        return None


# ---- axes ----------------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Axis:
    """`place` turns a value into a position between `low` and `high`; ticks lie at positions."""

    label: str
    low: float
    high: float
    ticks: tuple  #: of (position, text)
    log: bool = False
    size: float = 1

    def place(self, value):
        return math.log10(value) if self.log else value / self.size


def axis(values, unit, label, zero=False):
    """An axis for values of a unit: logarithmic for a wide range, unless `zero` starts it at 0."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = (min(known), max(known)) if known else (0, 1)
    if low > 0 and not zero and high / low > LOG_FROM:
        return _log_axis(low, high, unit, label)
    if zero:
        low = min(0, low)
    elif high - low < LEAST_SPAN * abs(high):  # so that noise does not look like an effect
        low, high = (sum((low, high)) + way * LEAST_SPAN * abs(high) for way in (-1, 1))
        low, high = low / 2, high / 2
    shown = _unit_for(max(abs(low), abs(high)), unit)
    name, size = shown
    low, high = low / size, high / size
    room = (high - low) * 0.06 or abs(high) * 0.05 or 1
    bottom = low if zero and low == 0 else low - room
    if low >= 0 > bottom:
        bottom = 0
    top = high + room
    ticks = _linear_ticks(bottom, top, whole=unit == "1")
    inside = name.strip("/") if name != "/s" else "" if "second" in label else "per second"
    return Axis(f"{label} ({inside})" if inside else label, bottom, top, ticks, size=size)


def _linear_ticks(low, high, whole=False, about=5):
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw * 0.999)
    if whole:
        step = max(1, round(step))
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if f"{step * 10**decimals:.6g}"[-2:] == ".5":  # 2.5, 0.25
        decimals += 1
    first = math.ceil(low / step - 1e-9)
    places = [first + at for at in range(int((high - first * step) / step + 1e-9) + 1)]
    return tuple((at * step, f"{at * step + 0:,.{decimals}f}") for at in places)


def _log_axis(low, high, unit, label):
    bottom, top = math.log10(low), math.log10(high)
    room = max(0.04 * (top - bottom), 0.03)
    bottom, top = bottom - room, top + room
    binary = unit == "B"
    decades = range(math.floor(bottom), math.ceil(top) + 1)
    if binary:
        powers = range(math.floor(bottom / math.log10(2)), math.ceil(top / math.log10(2)) + 1)
        every = max(1, math.ceil(len(powers) / 7))
        values = [2**at for at in powers if at % every == 0]
    else:
        inside = (1, 2, 5) if top - bottom < 2 else (1, 3) if top - bottom < 3.5 else (1,)
        values = [m * 10**at for at in decades for m in inside]
    ticks = [(math.log10(v), _tick_text(v, unit)) for v in values if v > 0]
    ticks = tuple(tick for tick in ticks if bottom <= tick[0] <= top)
    return Axis(f"{label} (log scale)", bottom, top, ticks, log=True)


def _tick_text(value, unit):
    if unit == "B":
        name, size = next((s for s in reversed(_STEPS["B"]) if value >= s[1]), _STEPS["B"][0])
    else:
        name, size = _unit_for(value * 1.0000001, unit)
    shown = value / size
    number = f"{shown:,.0f}" if shown >= 1 else f"{shown:g}"
    return f"{number}/s" if name == "/s" else f"{number} {name}".strip()


def time_axis(seconds):
    """From 0 to the last of `seconds`."""
    return axis([0, *seconds], "s", "time since the run began", zero=True)
