#!/usr/bin/python3
"""scripts/paired.py against published figures and against enumeration."""

import itertools
import math
import os
import pathlib
import sys
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import paired  # noqa: E402

# Hollander and Wolfe, Nonparametric Statistical Methods, table 3.1: depression scale of nine
# patients before and after treatment. Their estimate is -0.46, their 96.1 % interval (-0.786,
# -0.010), and 5 the smaller rank sum, with P = 0.0195 on one side. R's wilcox.test says the same.
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
    def test_counts_every_pattern_once_and_lie_evenly(self):
        for pairs in range(12):
            counts = paired.signed_rank_counts(pairs)
            self.assertEqual(sum(counts), 2**pairs)
            self.assertEqual(counts, counts[::-1])

    def test_tail_is_that_of_all_sign_patterns(self):
        for pairs in (1, 2, 5, 8):
            for total in range(pairs * (pairs + 1) // 2 + 1):
                self.assertAlmostEqual(
                    paired.signed_rank_tail(total, pairs), tail_by_enumeration(total, pairs)
                )

    def test_tail_is_that_of_the_published_tables(self):
        # Largest rank sums whose tail is at most 2.5 %.
        for pairs, critical in ((6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (20, 52), (30, 137)):
            self.assertLessEqual(paired.signed_rank_tail(critical, pairs), 0.025)
            self.assertGreater(paired.signed_rank_tail(critical + 1, pairs), 0.025)

    def test_tail_of_the_depression_scale(self):
        self.assertAlmostEqual(paired.signed_rank_tail(5, 9), 0.01953125)

    def test_tail_below_nothing_is_nothing(self):
        self.assertEqual(paired.signed_rank_tail(-1, 9), 0)


class HodgesLehmann(unittest.TestCase):
    def test_gives_the_published_estimate_and_interval(self):
        found = paired.hodges_lehmann(CHANGE)
        self.assertAlmostEqual(found.estimate, -0.46)
        self.assertAlmostEqual(found.low, -0.786)
        self.assertAlmostEqual(found.high, -0.010)
        self.assertAlmostEqual(found.confidence, 0.9609375)
        self.assertEqual(found.pairs, 9)

    def test_bounds_are_the_values_that_the_test_does_not_refuse(self):
        found = paired.hodges_lehmann(CHANGE, 0.9)
        for shift, refused in (
            (found.low - 1e-9, True),
            (found.low + 1e-9, False),
            (found.high - 1e-9, False),
            (found.high + 1e-9, True),
        ):
            rest = sorted((change - shift for change in CHANGE), key=abs)
            above = sum(rank for rank, one in enumerate(rest, 1) if one > 0)
            smaller = min(above, 45 - above)
            self.assertEqual(2 * paired.signed_rank_tail(smaller, 9) <= 0.1, refused, shift)

    def test_has_no_interval_below_six_pairs(self):
        for pairs in range(1, 6):
            found = paired.hodges_lehmann([0.1 * at for at in range(pairs)])
            self.assertEqual((found.low, found.high, found.confidence), (None, None, None))
        found = paired.hodges_lehmann([1, 2, 3, 4, 5, 6])
        self.assertEqual((found.low, found.high), (1, 6))
        self.assertAlmostEqual(found.confidence, 1 - 2 / 64)

    def test_ties_and_zeros_keep_their_places(self):
        found = paired.hodges_lehmann([0, 0, 0, 1, 1, 1, 1, 2])
        self.assertEqual((found.low, found.estimate, found.high), (0, 0.75, 1.5))
        same = paired.hodges_lehmann([0.25] * 30)
        self.assertEqual((same.low, same.estimate, same.high), (0.25, 0.25, 0.25))

    def test_one_wild_pair_of_thirty_hardly_moves_it(self):
        calm = [0.01 * (at % 5) for at in range(30)]
        wild = calm[:-1] + [5.0]
        calm, wild = paired.hodges_lehmann(calm), paired.hodges_lehmann(wild)
        self.assertAlmostEqual(calm.estimate, wild.estimate, delta=0.005)
        self.assertAlmostEqual(calm.high, wild.high, delta=0.005)

    def test_nothing_is_refused(self):
        with self.assertRaises(ValueError):
            paired.hodges_lehmann([])


class Ratio(unittest.TestCase):
    def test_is_that_of_every_pair_where_all_agree(self):
        floor = [4.0 + 0.1 * at for at in range(30)]
        found = paired.ratio(floor, [1.05 * one for one in floor])
        for value in (found.low, found.estimate, found.high):
            self.assertAlmostEqual(value, 1.05)

    def test_turned_round_is_its_inverse(self):
        floor, test = [4, 5, 6, 7, 5, 4, 6], [4.4, 5.1, 6.6, 7.0, 5.9, 4.1, 6.3]
        one, other = paired.ratio(floor, test), paired.ratio(test, floor)
        self.assertAlmostEqual(one.estimate, 1 / other.estimate)
        self.assertAlmostEqual(one.low, 1 / other.high)
        self.assertAlmostEqual(one.high, 1 / other.low)

    def test_wants_partners_for_all(self):
        with self.assertRaises(ValueError):
            paired.ratio([1, 2], [1])

    def test_doubling_and_halving_cancel(self):
        self.assertAlmostEqual(paired.ratio([1, 1], [2, 0.5]).estimate, 1)
        self.assertAlmostEqual(math.log(paired.ratio([1], [2]).estimate), math.log(2))


class Verdict(unittest.TestCase):
    def test_is_what_the_interval_carries(self):
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
