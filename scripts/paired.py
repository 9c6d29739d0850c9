"""Statistics of paired runs: a ratio with its exact interval, its p, and a verdict.

A pair is one run of the floor and one of the side under test, adjacent in time, so that the effects
of the machine on both cancel in their ratio. The estimate is that of Hodges and Lehmann (1963): the
median of all averages of two differences, here of logarithms, so that 2 and 1/2 have the same
weight. Its interval inverts Wilcoxon's signed-rank test, with the test's exact distribution. The
only assumption about the noise is that the log ratio of a pair is distributed symmetrically about
the true one. A mean and a t-interval would follow the one pair in twenty that is off by 20 % and
more.

Ties: each difference has its own rank, zeros as well, and equal averages count as often as they
occur (as in R's wilcox.test). With ties the interval covers at least the stated confidence.

p counts the averages on either side of "no difference"; an average of exactly 0 counts against a
difference. Without ties and zeros it is Wilcoxon's exact two-sided p. With them it is at least the
p that any way of breaking them gives, each of which is exact. It is at most 1 - confidence exactly
when the interval excludes "no difference".

    import paired
    ratio = paired.ratio(floor=[4.70, 4.75, ...], test=[4.81, 4.80, ...])
    print(ratio.estimate, ratio.low, ratio.high, paired.verdict(ratio, goal=1.05))
    paired.holm([paired.p_of(one, baseline) for one in levels])
"""

import dataclasses
import functools
import math
import statistics

#: Fewer pairs give no verdict, however narrow their interval.
ENOUGH_PAIRS = 30
#: Up to this many pairs the exact distribution is counted. For more, counting takes minutes and the
#: normal distribution is off by less than 0.0003.
EXACT_PAIRS = 400


@dataclasses.dataclass(frozen=True)
class Interval:
    """An estimate and its bounds. `low` and `high` are None with too few pairs."""

    estimate: float
    low: float | None
    high: float | None
    #: The probability that such an interval covers the true value: at least the one requested.
    confidence: float | None
    pairs: int


@functools.cache
def signed_rank_counts(pairs):
    """The number of the 2^pairs sign patterns with rank sum 0, 1, ..., pairs (pairs + 1) / 2."""
    counts = [1]
    for rank in range(1, pairs + 1):
        longer = counts + [0] * rank
        for total, count in enumerate(counts):
            longer[total + rank] += count
        counts = longer
    return counts


def signed_rank_tail(total, pairs):
    """P(rank sum <= total) if the two sides do not differ."""
    if total < 0:
        return 0.0
    if pairs > EXACT_PAIRS:
        return normal_tail(total, pairs)
    return sum(signed_rank_counts(pairs)[: total + 1]) / 2**pairs


def normal_tail(total, pairs):
    """The tail by the normal distribution, with continuity correction."""
    mean = pairs * (pairs + 1) / 4
    deviation = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
    return math.erfc((mean - total - 0.5) / deviation / math.sqrt(2)) / 2


def cut_of(pairs, alpha):
    """The number of averages that the interval excludes at either end, from the test's tail."""
    low, high = 0, pairs * (pairs + 1) // 2
    while low < high:
        middle = (low + high + 1) // 2
        if 2 * signed_rank_tail(middle - 1, pairs) <= alpha:
            low = middle
        else:
            high = middle - 1
    return low


def walsh_averages(differences):
    """The averages of all pairs of differences, including each with itself, in ascending order."""
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
    """The ratio test / floor; the k-th of one is paired with the k-th of the other. All above 0."""
    logs = [math.log(above / below) for below, above in zip(floor, test, strict=True)]
    of_logs = hodges_lehmann(logs, confidence)
    low, high = (None if end is None else math.exp(end) for end in (of_logs.low, of_logs.high))
    return dataclasses.replace(of_logs, estimate=math.exp(of_logs.estimate), low=low, high=high)


def p_value(differences):
    """Exact two-sided p of the signed-rank test that `differences` are symmetric about 0."""
    if not differences:
        raise ValueError("no differences")
    averages = walsh_averages(differences)
    not_above = sum(average <= 0 for average in averages)
    not_below = sum(average >= 0 for average in averages)
    return min(1.0, 2 * signed_rank_tail(min(not_above, not_below), len(differences)))


def p_of(floor, test):
    """p_value of the log ratios of the pairs."""
    return p_value([math.log(above / below) for below, above in zip(floor, test, strict=True)])


def holm(ps):
    """The p values adjusted for their number (Holm 1979), in the order given.

    If all comparisons whose adjusted p is at most alpha are called differences, the probability of
    one or more false ones is at most alpha, even if the tests depend on each other.
    """
    adjusted, so_far = [None] * len(ps), 0.0
    for place, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        so_far = max(so_far, min(1.0, (len(ps) - place) * ps[at]))
        adjusted[at] = so_far
    return adjusted


def least_pairs(comparisons=1, confidence=0.95):
    """The smallest number of pairs that can reach a verdict on each of `comparisons` after Holm. If
    all pairs agree, p = 2 / 2^pairs, and Holm multiplies the smallest p by `comparisons`."""
    pairs = 1
    while 2 / 2**pairs > (1 - confidence) / max(comparisons, 1) * (1 + 1e-12):
        pairs += 1
    return pairs


def verdict(interval, goal):
    """Whether the ratio is at most `goal`: holds, missed, or not decided with the reason."""
    if interval.pairs < ENOUGH_PAIRS or interval.low is None:
        return f"not decided: {interval.pairs} pairs, a verdict needs {ENOUGH_PAIRS}"
    if interval.high <= goal:
        return "holds"
    if interval.low > goal:
        return "missed"
    return "not decided: needs more pairs"
