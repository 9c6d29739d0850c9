"""Statistics of paired runs: a ratio with an interval that is exact, and the verdict it carries.

A pair is one run of the floor and one of the side under test, next to each other in time, so that
what the machine does to both cancels in their ratio. The estimate is that of Hodges and Lehmann
(1963): the median of all averages of two differences, here of logarithms, so that 2 and 1/2 weigh
the same. Its interval is the one that inverts Wilcoxon's signed-rank test, by the test's exact
distribution. It assumes nothing of the noise but that a pair's log ratio is as likely above the
true one as below, by the same amounts; a mean and a t-interval would follow the one pair in twenty
that swings by 20 % and more.

Ties: each difference keeps its own place, zeros as well, and equal averages count as often as they
occur (as in R's wilcox.test); with ties the interval covers at least what it states.

The p that belongs to it counts the averages on either side of no difference, an average of exactly
0 against the difference. Without ties and zeros it is Wilcoxon's exact two-sided p; with them it is
at least the p that any way of breaking them would give, each of which is exact. It is at most
1 - confidence just where the interval leaves no difference out.

    import paired
    ratio = paired.ratio(floor=[4.70, 4.75, ...], test=[4.81, 4.80, ...])
    print(ratio.estimate, ratio.low, ratio.high, paired.verdict(ratio, goal=1.05))
    paired.holm([paired.p_of(one, baseline) for one in levels])
"""

import dataclasses
import functools
import math
import statistics

#: Fewer pairs carry no verdict, however narrow their interval.
ENOUGH_PAIRS = 30
#: Up to so many the distribution is counted out; beyond, counting takes minutes and the normal
#: distribution is off by less than 0.0003.
EXACT_PAIRS = 400


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate between its bounds. `low` and `high` are None where there are too few pairs."""

    estimate: float
    low: float | None
    high: float | None
    #: The probability with which an interval made so covers the truth: at least the one asked for.
    confidence: float | None
    pairs: int


@functools.cache
def signed_rank_counts(pairs):
    """How many of the 2^pairs sign patterns give the rank sum 0, 1, ..., pairs (pairs + 1) / 2."""
    counts = [1]
    for rank in range(1, pairs + 1):
        longer = counts + [0] * rank
        for total, count in enumerate(counts):
            longer[total + rank] += count
        counts = longer
    return counts


def signed_rank_tail(total, pairs):
    """P(rank sum <= total) when neither side is dearer."""
    if total < 0:
        return 0.0
    if pairs > EXACT_PAIRS:
        return normal_tail(total, pairs)
    return sum(signed_rank_counts(pairs)[: total + 1]) / 2**pairs


def normal_tail(total, pairs):
    """What the tail of very many pairs comes to, with the correction for whole numbers."""
    mean = pairs * (pairs + 1) / 4
    deviation = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
    return math.erfc((mean - total - 0.5) / deviation / math.sqrt(2)) / 2


def cut_of(pairs, alpha):
    """How many averages the interval leaves out at either end: as many as the test's tail allows."""
    low, high = 0, pairs * (pairs + 1) // 2
    while low < high:
        middle = (low + high + 1) // 2
        if 2 * signed_rank_tail(middle - 1, pairs) <= alpha:
            low = middle
        else:
            high = middle - 1
    return low


def walsh_averages(differences):
    """The averages of all pairs of differences, each with itself too, ascending."""
    return sorted(
        (one + other) / 2
        for at, one in enumerate(differences)
        for other in differences[at:]
    )


def hodges_lehmann(differences, confidence=0.95):
    """The pseudomedian of `differences` and its exact interval."""
    if not differences:
        raise ValueError("no differences")
    pairs = len(differences)
    averages = walsh_averages(differences)
    estimate = statistics.median(averages)
    cut = cut_of(pairs, 1 - confidence)
    if cut == 0:
        return Interval(estimate, None, None, None, pairs)
    covered = 1 - 2 * signed_rank_tail(cut - 1, pairs)
    return Interval(estimate, averages[cut - 1], averages[-cut], covered, pairs)


def ratio(floor, test, confidence=0.95):
    """test / floor over pairs: the k-th of one belongs to the k-th of the other. All above 0."""
    logs = [math.log(above / below) for below, above in zip(floor, test, strict=True)]
    of_logs = hodges_lehmann(logs, confidence)
    low, high = (None if end is None else math.exp(end) for end in (of_logs.low, of_logs.high))
    return dataclasses.replace(of_logs, estimate=math.exp(of_logs.estimate), low=low, high=high)


def p_value(differences):
    """Exact two-sided p of the signed-rank test that `differences` lie evenly about 0."""
    if not differences:
        raise ValueError("no differences")
    averages = walsh_averages(differences)
    not_above = sum(average <= 0 for average in averages)
    not_below = sum(average >= 0 for average in averages)
    return min(1.0, 2 * signed_rank_tail(min(not_above, not_below), len(differences)))


def p_of(floor, test):
    """p_value of the log ratios of pairs."""
    return p_value([math.log(above / below) for below, above in zip(floor, test, strict=True)])


def holm(ps):
    """Each p adjusted for all of them being looked at (Holm 1979), in the order given.

    Where all whose adjusted p is at most alpha are called real, the chance that any of them is not
    is at most alpha, whatever the tests have in common.
    """
    adjusted, so_far = [None] * len(ps), 0.0
    for place, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        so_far = max(so_far, min(1.0, (len(ps) - place) * ps[at]))
        adjusted[at] = so_far
    return adjusted


def least_pairs(comparisons=1, confidence=0.95):
    """The fewest pairs that can reach a verdict on each of so many comparisons after Holm: all
    agreeing they give p = 2 / 2^pairs, and the smallest p is multiplied by their number."""
    pairs = 1
    while 2 / 2**pairs > (1 - confidence) / max(comparisons, 1) * (1 + 1e-12):
        pairs += 1
    return pairs


def verdict(interval, goal):
    """Whether a ratio is at most `goal`, in words: holds, missed, or not decided and why."""
    if interval.pairs < ENOUGH_PAIRS or interval.low is None:
        return f"not decided: {interval.pairs} pairs, a verdict needs {ENOUGH_PAIRS}"
    if interval.high <= goal:
        return "holds"
    if interval.low > goal:
        return "missed"
    return "not decided: needs more pairs"
