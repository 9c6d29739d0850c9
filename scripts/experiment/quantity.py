"""The value of a level as the programs read it, so that 1k and 1000 are the same. Pure."""

import re

from . import arguments

COUNTS = {"": 1, "k": 1000, "m": 10**6}
SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def value_of(text, kind):
    """The number of a count, a size or a duration; another text is its own value. `kind`: the
    option's type, as --describe has it."""
    if kind == "duration":
        seconds = arguments.seconds_of(text)
        return text if seconds is None else seconds
    units = {"count": COUNTS, "size": SIZES}.get(kind)
    found = re.fullmatch("([0-9]+)([a-z]?)", text.lower()) if units else None
    return int(found[1]) * units[found[2]] if found and found[2] in units else text
