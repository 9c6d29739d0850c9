"""The smallest stack that holds: a search by pages between one that faults and one that serves.

The paint's high water is an estimate, and usually right: then two runs do, one at it and one a page
below. Where it is not, the search gallops away from it and halves what is left. Pure: what a size
does is told by `holds`, which runs it.

    smallest_size.find(22200, least=16384, page=4096, holds=lambda size: HOLDS if size >= 24576 else FAULTS)
"""

import dataclasses

HOLDS, FAULTS = "holds", "faults"
REFUSED = "refused"  #: the program says that it cannot be: not tried, and not known to fault
UNCLEAR = "unclear"  #: neither: something else went wrong
#: More steps than any stack of a terabyte needs.
MOST_STEPS = 64


@dataclasses.dataclass(frozen=True)
class SmallestSize:
    """`size`: the smallest that held; None: none was found, and `why` says it. `below`: the largest
    that faulted. `is_least`: the platform gives no smaller one, so none below can be tried."""

    size: int | None
    below: int | None
    is_least: bool
    tried: dict  #: size: what it did
    why: str | None = None

    @property
    def confirmed(self):
        """Whether two runs bear it out, or one where no other is possible."""
        return self.size is not None and (self.is_least or self.below is not None)


def whole_pages(size, page):
    return -(-size // page) * page


def find(estimate, least, page, holds, most=1 << 40):
    """An SmallestSize. `estimate`: bytes that were used; `least`: the platform's smallest stack."""
    tried = {}

    def at(size):
        if size not in tried:
            if len(tried) >= MOST_STEPS:
                return UNCLEAR
            tried[size] = holds(size)
        return tried[size]

    def unclear(size):
        return SmallestSize(None, None, False, tried, f"what {size} does is unclear")

    least = whole_pages(least, page)
    size = max(whole_pages(estimate, page), least)
    low, high, step = None, None, page  # too small; holds; how far to gallop
    while high is None:
        did = at(size)
        if did == UNCLEAR:
            return unclear(size)
        if did == HOLDS:
            high = size
            break
        low = size
        if size >= most:
            return SmallestSize(None, _faulted(low, tried), False, tried, f"even {size} does not hold")
        size, step = min(size + step, most), 2 * step
    step = page
    while low is None and high > least:
        size = max(high - step, least)
        did = at(size)
        if did == UNCLEAR:
            return unclear(size)
        if did == HOLDS:
            high, step = size, 2 * step
        else:
            low = size
    while low is not None and high - low > page:
        size = whole_pages((low + high) // 2, page)
        size = size if size < high else high - page
        did = at(size)
        if did == UNCLEAR:
            return unclear(size)
        low, high = (low, size) if did == HOLDS else (size, high)
    return SmallestSize(high, _faulted(low, tried), high == least, tried)


def _faulted(size, tried):
    """A size that was refused was not seen to fault."""
    return size if size is not None and tried.get(size) == FAULTS else None
