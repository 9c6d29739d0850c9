"""Searches, page by page, for the smallest stack that holds: one page above a size that faults.

The painted stack's high water is an estimate and usually right. Then two runs suffice, one at that
size and one a page below. Otherwise a galloping search leads away from the estimate, and bisection
closes the interval. Pure: `holds` makes the run and returns its result.

    find(22200, least=16384, page=4096, holds=lambda size: HOLDS if size >= 24576 else FAULTS)
"""

import dataclasses

HOLDS, FAULTS = "holds", "faults"
REFUSED = "refused"  #: the program refuses the size, so it was not seen to fault
UNCLEAR = "unclear"  #: the run failed for another reason
#: More steps than the search needs for a stack of a terabyte.
MOST_STEPS = 64


@dataclasses.dataclass(frozen=True)
class SmallestSize:
    """`size`: the smallest that held; None: not found, `why` has the reason. `below`: the largest
    that faulted. `is_least`: the platform's minimum, below which no size can be tried."""

    size: int | None
    below: int | None
    is_least: bool
    tried: dict  #: {size: result}
    why: str | None = None

    @property
    def confirmed(self):
        """Whether two runs confirm it, or one run at the platform's minimum."""
        return self.size is not None and (self.is_least or self.below is not None)


def whole_pages(size, page):
    return -(-size // page) * page


def find(estimate, least, page, holds, most=1 << 40):
    """A SmallestSize. `estimate`: bytes that were used; `least`: the platform's smallest stack."""
    tried = {}

    def at(size):
        if size not in tried:
            if len(tried) >= MOST_STEPS:
                return UNCLEAR
            tried[size] = holds(size)
        return tried[size]

    def unclear(size):
        return SmallestSize(None, None, False, tried, f"{size} B neither held nor faulted")

    least = whole_pages(least, page)
    size = max(whole_pages(estimate, page), least)
    low, high, step = None, None, page  # low: too small; high: holds; step: of the galloping
    while high is None:
        did = at(size)
        if did == UNCLEAR:
            return unclear(size)
        if did == HOLDS:
            high = size
            break
        low = size
        if size >= most:
            why = f"even {size} B do not hold"
            return SmallestSize(None, _faulted(low, tried), False, tried, why)
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
    """The size if it faulted; None if it was refused."""
    return size if size is not None and tried.get(size) == FAULTS else None
