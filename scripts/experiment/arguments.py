"""Reads from a program's command line the values that the script running it needs."""

import re

DEFAULT_WINDOW = {"hold": 0.0, "stream": 10.0, "churn": 10.0}
UNITS = {"": 1, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "min": 60, "h": 3600}


def seconds_of(text):
    """A duration in seconds, as the programs read it: 90, 400ms, 1.5h. None: not a duration."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?)\s*([a-z]*)", str(text))
    return float(found[1]) * UNITS[found[2]] if found and found[2] in UNITS else None


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
