"""Reads from a program's command line the values that the script running it needs."""

import re

DEFAULT_WINDOW = {"hold": 0.0, "stream": 10.0, "churn": 10.0}
#: From the largest to the smallest; "" and min: only alone, not in 1h30m.
UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ALONE = {"": 1, "min": 60}
#: No duration of a run is longer; the programs count in nanoseconds of 63 bits.
LONGEST = 9e9
ALLOWED = (
    "must be a duration: digits with an optional fraction, then nothing (seconds), ns, us, ms, s, "
    "m, h or d, as in 0.5, 400ms or 2m; several, the largest unit first, as in 1h30m"
)


def seconds_of(text):
    """A duration in seconds, as the programs read it: 90, 400ms, 1h30m. None: not a duration."""
    parts = re.findall(r"([0-9]+(?:\.[0-9]*)?)\s*([a-z]*)", str(text))
    number = r"[0-9]+(?:\.[0-9]*)?"
    whole = re.fullmatch(rf"(?:{number}\s*[a-z]+)+|{number}", str(text))
    units = [unit for _, unit in parts]
    order = [list(UNITS).index(unit) for unit in units if unit in UNITS]
    if not whole or any(later <= unit for unit, later in zip(order, order[1:])):
        return None
    if len(order) < len(units) and (len(units) > 1 or units[0] not in ALONE):
        return None
    total = sum(float(number) * (UNITS | ALONE)[unit] for number, unit in parts)
    return total if total <= LONGEST else None


def duration_of(text):
    """As seconds_of. Raises ValueError with what is allowed."""
    value = seconds_of(text)
    if value is None:
        raise ValueError(f"'{text}': {ALLOWED}")
    return value


def value_of(words, *names):
    """The value of an option in the words of a command line; the last one counts."""
    found = None
    for at, word in enumerate(words):
        for name in names:
            if word == name and at + 1 < len(words):
                found = words[at + 1]
            elif name.startswith("--") and word.startswith(f"{name}="):
                found = word.partition("=")[2]
    return found


def window_of(words):
    """Seconds of traffic, warm-up included, of a client with these options."""
    mode = value_of(words, "--mode") or "hold"
    length = seconds_of(value_of(words, "-d", "--duration"))
    warm_up = seconds_of(value_of(words, "--warmup"))
    return (DEFAULT_WINDOW.get(mode, 10.0) if length is None else length) + (warm_up or 0.0)
