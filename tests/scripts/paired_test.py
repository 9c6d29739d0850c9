#!/usr/bin/python3
"""scripts/paired.py, checked against published figures and against enumeration."""

import itertools
import math
import os
import pathlib
import random
import sys
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import paired  # noqa: E402

# Hollander and Wolfe, Nonparametric Statistical Methods, table 3.1: depression scale of nine
# patients before and after treatment. Their estimate is -0.46, their 96.1 % interval (-0.786,
# -0.010), their smaller rank sum 5, with a one-sided P of 0.0195. R's wilcox.test gives the same.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
CHANGE = [after - before for before, after in zip(BEFORE, AFTER)]


def tail_by_enumeration(total, pairs):
    ranks = range(1, pairs + 1)
    sums = [
        sum(itertools.compress(ranks, signs)) for signs in itertools.product((0, 1), repeat=pairs)
    ]
    return sum(one <= total for one in sums) / len(sums)


class SignedRank(unittest.TestCase):
    def test_counts_every_pattern_once_and_symmetrically(self):
        for pairs in range(12):
            counts = paired.signed_rank_counts(pairs)
            self.assertEqual(sum(counts), 2**pairs)
            self.assertEqual(counts, counts[::-1])

    def test_tail_equals_that_by_enumeration(self):
        for pairs in (1, 2, 5, 8):
            for total in range(pairs * (pairs + 1) // 2 + 1):
                self.assertAlmostEqual(
                    paired.signed_rank_tail(total, pairs), tail_by_enumeration(total, pairs)
                )

    def test_tail_equals_that_of_the_published_tables(self):
        # The largest rank sums whose tail is at most 2.5 %, and 0.5 %.
        of_95 = ((6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (20, 52), (30, 137))
        of_99 = ((8, 0), (9, 1), (10, 3), (12, 7), (15, 15), (20, 37), (30, 109))
        for table, share in ((of_95, 0.025), (of_99, 0.005)):
            for pairs, critical in table:
                self.assertLessEqual(paired.signed_rank_tail(critical, pairs), share)
                self.assertGreater(paired.signed_rank_tail(critical + 1, pairs), share)

    def test_tail_of_the_depression_scale(self):
        self.assertAlmostEqual(paired.signed_rank_tail(5, 9), 0.01953125)

    def test_the_normal_tail_replaces_the_exact_one_where_it_is_as_good(self):
        pairs = paired.EXACT_PAIRS
        worst = 0.0
        for total in range(25_000, pairs * (pairs + 1) // 4, 500):
            exact = paired.signed_rank_tail(total, pairs)
            worst = max(worst, abs(exact - paired.normal_tail(total, pairs)))
        self.assertLess(worst, 3e-4)
        self.assertGreater(worst, 0)
        many = [math.sin(at) + 0.1 for at in range(pairs + 50)]
        found = paired.hodges_lehmann(many)
        self.assertTrue(found.low < found.estimate < found.high)
        self.assertAlmostEqual(found.confidence, 0.95, delta=5e-4)

    def test_the_tail_below_zero_is_zero(self):
        self.assertEqual(paired.signed_rank_tail(-1, 9), 0)


class HodgesLehmann(unittest.TestCase):
    def test_gives_the_published_estimate_and_interval(self):
        found = paired.hodges_lehmann(CHANGE)
        self.assertAlmostEqual(found.estimate, -0.46)
        self.assertAlmostEqual(found.low, -0.786)
        self.assertAlmostEqual(found.high, -0.010)
        self.assertAlmostEqual(found.confidence, 0.9609375)
        self.assertEqual(found.pairs, 9)

    def test_the_interval_holds_the_shifts_that_the_test_does_not_reject(self):
        found = paired.hodges_lehmann(CHANGE, 0.9)
        for shift, rejected in (
            (found.low - 1e-9, True),
            (found.low + 1e-9, False),
            (found.high - 1e-9, False),
            (found.high + 1e-9, True),
        ):
            rest = sorted((change - shift for change in CHANGE), key=abs)
            above = sum(rank for rank, one in enumerate(rest, 1) if one > 0)
            smaller = min(above, 45 - above)
            self.assertEqual(2 * paired.signed_rank_tail(smaller, 9) <= 0.1, rejected, shift)

    def test_has_no_interval_below_six_pairs(self):
        for pairs in range(1, 6):
            found = paired.hodges_lehmann([0.1 * at for at in range(pairs)])
            self.assertEqual((found.low, found.high, found.confidence), (None, None, None))
        found = paired.hodges_lehmann([1, 2, 3, 4, 5, 6])
        self.assertEqual((found.low, found.high), (1, 6))
        self.assertAlmostEqual(found.confidence, 1 - 2 / 64)

    def test_ties_and_zeros_keep_their_ranks(self):
        found = paired.hodges_lehmann([0, 0, 0, 1, 1, 1, 1, 2])
        self.assertEqual((found.low, found.estimate, found.high), (0, 0.75, 1.5))
        same = paired.hodges_lehmann([0.25] * 30)
        self.assertEqual((same.low, same.estimate, same.high), (0.25, 0.25, 0.25))

    def test_one_outlier_of_thirty_pairs_hardly_changes_it(self):
        calm = [0.01 * (at % 5) for at in range(30)]
        outlier = calm[:-1] + [5.0]
        calm, outlier = paired.hodges_lehmann(calm), paired.hodges_lehmann(outlier)
        self.assertAlmostEqual(calm.estimate, outlier.estimate, delta=0.005)
        self.assertAlmostEqual(calm.high, outlier.high, delta=0.005)

    def test_refuses_an_empty_list(self):
        with self.assertRaises(ValueError):
            paired.hodges_lehmann([])


class Ratio(unittest.TestCase):
    def test_equals_that_of_every_pair_if_all_agree(self):
        floor = [4.0 + 0.1 * at for at in range(30)]
        found = paired.ratio(floor, [1.05 * one for one in floor])
        for value in (found.low, found.estimate, found.high):
            self.assertAlmostEqual(value, 1.05)

    def test_with_sides_exchanged_is_the_inverse(self):
        floor, test = [4, 5, 6, 7, 5, 4, 6], [4.4, 5.1, 6.6, 7.0, 5.9, 4.1, 6.3]
        one, other = paired.ratio(floor, test), paired.ratio(test, floor)
        self.assertAlmostEqual(one.estimate, 1 / other.estimate)
        self.assertAlmostEqual(one.low, 1 / other.high)
        self.assertAlmostEqual(one.high, 1 / other.low)

    def test_needs_a_partner_for_each(self):
        with self.assertRaises(ValueError):
            paired.ratio([1, 2], [1])

    def test_doubling_and_halving_cancel(self):
        self.assertAlmostEqual(paired.ratio([1, 1], [2, 0.5]).estimate, 1)
        self.assertAlmostEqual(math.log(paired.ratio([1], [2]).estimate), math.log(2))


# R's help page of wilcox.test uses the same data (Hollander and Wolfe 1973): for BEFORE - AFTER it
# has V = 40 and p-value = 0.01953 for "greater". The two-sided p is twice that.
FALL = [before - after for before, after in zip(BEFORE, AFTER)]

# The example of Holm (1979), p = 0.01, 0.04, 0.03, 0.005: 4 x 0.005 = 0.02, 3 x 0.01 = 0.03,
# 2 x 0.03 = 0.06, and 0.04 is raised to its predecessor's 0.06.
HOLM = (
    ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
    ([0.5], [0.5]),
    ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
    ([0.9, 0.6, 0.001], [1.0, 1.0, 0.003]),
    ([], []),
)


def p_by_enumeration(differences):
    """Two-sided p over all sign patterns, from ranks alone, without any code of paired.py. Equal
    sizes share the mean of their ranks; zeros have no rank and are left out (Wilcoxon 1945)."""
    sizes = sorted(abs(one) for one in differences if one)
    rank = {
        size: sum(at for at, other in enumerate(sizes, 1) if other == size) / sizes.count(size)
        for size in sizes
    }
    ranks = [rank[abs(one)] for one in differences if one]
    above = sum(rank[abs(one)] for one in differences if one > 0)
    least = min(above, sum(ranks) - above)
    patterns = itertools.product((0, 1), repeat=len(ranks))
    sums = [sum(itertools.compress(ranks, signs)) for signs in patterns]
    return min(1.0, 2 * sum(one <= least + 1e-9 for one in sums) / len(sums))


def interval_by_enumeration(differences, alpha):
    """The shifts that the enumerated test does not reject, searched between all averages."""
    averages = sorted({(one + other) / 2 for one in differences for other in differences})
    middles = [(one + other) / 2 for one, other in zip(averages, averages[1:])]
    kept = [
        at
        for at, shift in enumerate(middles)
        if p_by_enumeration([one - shift for one in differences]) > alpha
    ]
    return averages[kept[0]], averages[kept[-1] + 1]


class P(unittest.TestCase):
    def test_equals_the_published_one_of_the_depression_scale(self):
        averages = paired.walsh_averages(FALL)
        self.assertEqual(sum(one > 0 for one in averages), 40)
        self.assertAlmostEqual(paired.p_value(FALL), 2 * 0.01953125)
        self.assertAlmostEqual(paired.p_value(CHANGE), 2 * 0.01953125)

    def test_equals_that_by_enumeration(self):
        several = random.Random(5)
        for pairs in range(1, 12):
            for _ in range(8):
                some = [several.gauss(0.4, 1) for _ in range(pairs)]
                self.assertAlmostEqual(paired.p_value(some), p_by_enumeration(some), msg=some)

    def test_with_ties_and_zeros_is_at_least_that_of_any_way_of_breaking_them(self):
        several = random.Random(7)
        larger = 0
        for _ in range(60):
            some = [several.randint(-2, 4) for _ in range(several.randint(2, 9))]
            for _ in range(5):
                broken = [one + several.uniform(-1e-6, 1e-6) for one in some]
                self.assertGreaterEqual(
                    paired.p_value(some) + 1e-12, p_by_enumeration(broken), msg=some
                )
                larger += paired.p_value(some) > p_by_enumeration(broken) + 1e-12
        self.assertGreater(larger, 0)
        self.assertEqual(paired.p_value([0, 0, 0, 0, 0, 0, 0]), 1)

    def test_is_at_most_alpha_exactly_if_the_interval_excludes_no_difference(self):
        several = random.Random(11)
        seen = set()
        for _ in range(300):
            pairs = several.randint(6, 14)
            draws = [(several.gauss(0.6, 1), several.randint(-1, 2)) for _ in range(pairs)]
            some = [several.choice(both) for both in draws]
            found = paired.hodges_lehmann(some)
            outside = found.low > 0 or found.high < 0
            self.assertEqual(paired.p_value(some) <= 0.05, outside, some)
            seen.add(outside)
        self.assertEqual(seen, {True, False})

    def test_the_interval_equals_that_by_enumeration(self):
        several = random.Random(13)
        for pairs in (6, 7, 8, 9):
            some = [several.gauss(1, 1) for _ in range(pairs)]
            low, high = interval_by_enumeration(some, 0.05)
            found = paired.hodges_lehmann(some)
            self.assertAlmostEqual(found.low, low)
            self.assertAlmostEqual(found.high, high)

    def test_is_the_same_with_sides_exchanged(self):
        floor, test = [4, 5, 6, 7, 5, 4, 6], [4.4, 5.1, 6.6, 7.0, 5.9, 4.1, 6.3]
        self.assertAlmostEqual(paired.p_of(floor, test), paired.p_of(test, floor))

    def test_refuses_no_differences(self):
        with self.assertRaises(ValueError):
            paired.p_value([])


class Holm(unittest.TestCase):
    def test_adjusts_as_computed_by_hand(self):
        for ps, adjusted in HOLM:
            for found, wanted in zip(paired.holm(ps), adjusted, strict=True):
                self.assertAlmostEqual(found, wanted)

    def test_rejects_as_the_step_down_rule_does(self):
        several = random.Random(17)
        for _ in range(200):
            ps = [several.random() ** 3 for _ in range(several.randint(1, 8))]
            rejected = set()
            for place, at in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
                if ps[at] > 0.05 / (len(ps) - place):
                    break
                rejected.add(at)
            adjusted = paired.holm(ps)
            self.assertEqual({at for at, p in enumerate(adjusted) if p <= 0.05}, rejected)


class LeastPairs(unittest.TestCase):
    def test_is_the_smallest_number_whose_smallest_p_passes_holm(self):
        for comparisons, pairs in ((1, 6), (2, 7), (3, 7), (4, 8), (6, 8), (7, 9), (100, 12)):
            self.assertEqual(paired.least_pairs(comparisons), pairs)
            agreeing = [0.1 * (at + 1) for at in range(pairs)]
            others = [1.0] * (comparisons - 1)
            self.assertLessEqual(min(paired.holm([paired.p_value(agreeing), *others])), 0.05)
            self.assertGreater(
                min(paired.holm([paired.p_value(agreeing[:-1]), *others])), 0.05
            )

    def test_grows_with_the_confidence(self):
        for comparisons, pairs in ((1, 8), (2, 9), (3, 10), (5, 10), (6, 11), (20, 12)):
            self.assertEqual(paired.least_pairs(comparisons, 0.99), pairs)


class Verdict(unittest.TestCase):
    def test_follows_from_the_interval(self):
        for low, high, pairs, words in (
            (1.00, 1.04, 30, "holds"),
            (1.00, 1.05, 30, "holds"),
            (1.051, 1.09, 30, "missed"),
            (1.05, 1.09, 30, "not decided: needs more pairs"),
            (1.00, 1.06, 200, "not decided: needs more pairs"),
            (1.00, 1.01, 29, "not decided: 29 pairs, a verdict needs 30"),
            (None, None, 5, "not decided: 5 pairs, a verdict needs 30"),
        ):
            interval = paired.Interval((low or 1), low, high, 0.95, pairs)
            self.assertEqual(paired.verdict(interval, 1.05), words)


if __name__ == "__main__":
    unittest.main()
