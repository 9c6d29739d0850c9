// The statistics against scipy 1.10.1 and statsmodels 0.13.5, computed offline from the same
// series: splitmix64 makes equal numbers in any language. Each table names the call that gave its
// values.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "client/statistics/anderson_darling.hpp"
#include "client/statistics/dickey_fuller.hpp"
#include "client/statistics/spearman.hpp"
#include "echo/splitmix64.hpp"

namespace client {
namespace {

using Series = std::vector<double>;

/// `count` independent numbers in [0, 1).
Series uniform(std::size_t count, std::uint64_t seed) {
  Series numbers;
  for (std::uint64_t i = 1; i <= count; ++i) {
    const std::uint64_t bits = echo::splitmix64(seed + i * echo::splitmix64_increment) >> 11U;
    numbers.push_back(static_cast<double>(bits) * 0x1p-53);
  }
  return numbers;
}

Series noise(std::size_t count) {
  Series series = uniform(count, 1);
  for (double& value : series) value -= 0.5;
  return series;
}

/// Each value is `memory` times the one before, and noise.
Series remembering(double memory, std::size_t count) {
  Series series = noise(count);
  for (std::size_t i = 1; i < count; ++i) series[i] += memory * series[i - 1];
  return series;
}

/// A tenth of the noise, and `level(share of the series)`.
template <class Level>
Series around(Level level) {
  Series series = noise(200);
  for (std::size_t i = 0; i < series.size(); ++i)
    series[i] = series[i] * 0.1 + level(static_cast<double>(i) / 200);
  return series;
}

// ---- augmented Dickey-Fuller ----------------------------------------------------------------

struct Wandering {
  const char* what;
  Series series;
  std::size_t lags, observations;
  double statistic;
  double five_percent;
};

// statsmodels.tsa.stattools.adfuller(series): constant, lags by AIC.
TEST(DickeyFuller, AgreesWithStatsmodels) {
  const Wandering cases[] = {
      {"white noise", noise(200), 1, 198, -11.9006232909, -2.876250632},
      {"AR(1), 0.8", remembering(0.8, 200), 2, 197, -3.9228373322, -2.876325916},
      {"AR(1), 0.8, short", remembering(0.8, 60), 0, 59, -2.6042635854, -2.911939409},
      {"random walk", remembering(1, 200), 2, 197, -0.6661750825, -2.876325916},
      {"trend", around([](double x) { return x; }), 13, 186, 0.0347187819, -2.877207854},
      {"step", around([](double x) { return x < 0.5 ? 0.0 : 1.0; }), 0, 199, -1.1859363508,
       -2.876176118}};
  for (const Wandering& one : cases) {
    SCOPED_TRACE(one.what);
    const auto found = unit_root(one.series);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->lags, one.lags);
    EXPECT_EQ(found->observations, one.observations);
    EXPECT_NEAR(found->statistic, one.statistic, 1e-8);
    EXPECT_NEAR(unit_root_critical(Level::five_percent, found->observations), one.five_percent,
                1e-8);
  }
}

// statsmodels.tsa.adfvalues.mackinnoncrit(N=1, regression="c", nobs=100).
TEST(DickeyFuller, HasTheCriticalValuesOfMacKinnon) {
  EXPECT_NEAR(unit_root_critical(Level::one_percent, 100), -3.49750103, 1e-8);
  EXPECT_NEAR(unit_root_critical(Level::five_percent, 100), -2.89090644, 1e-8);
  EXPECT_NEAR(unit_root_critical(Level::ten_percent, 100), -2.5824349, 1e-7);
}

TEST(DickeyFuller, SaysNothingOfAConstantOrShortSeries) {
  EXPECT_FALSE(unit_root(Series(200, 3.0)));
  EXPECT_FALSE(unit_root(noise(fewest_points_of_a_series - 1)));
  EXPECT_TRUE(unit_root(noise(fewest_points_of_a_series)));
  EXPECT_FALSE(unit_root({}));
}

// A straight line is its own difference: nothing is left to explain.
TEST(DickeyFuller, SaysNothingOfAStraightLine) {
  Series line;
  for (int i = 0; i < 100; ++i) line.push_back(i);
  const auto found = unit_root(line);
  EXPECT_TRUE(!found || std::isfinite(found->statistic));
}

// ---- Spearman --------------------------------------------------------------------------------

using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Both from 0 to 9 or 19, with many ties; `second` depends on the first if `sum`.
Pairs pairs_of(std::size_t count, std::uint64_t seed, bool sum) {
  const Series u = uniform(count, seed);
  const Series v = uniform(count, seed + 100);
  Pairs pairs;
  for (std::size_t i = 0; i < count; ++i) {
    const double second = sum ? u[i] + v[i] : v[i];
    pairs.emplace_back(static_cast<std::uint32_t>(u[i] * 10),
                       static_cast<std::uint32_t>(second * 10));
  }
  return pairs;
}

struct Correlated {
  Pairs pairs;
  double rho, p;
};

// scipy.stats.spearmanr(first, second).
TEST(Spearman, AgreesWithScipyWhereValuesAreEqual) {
  const Correlated cases[] = {{pairs_of(20, 1, true), 0.425715239863, 6.128282e-02},
                              {pairs_of(20, 1, false), -0.185114111984, 4.346029e-01},
                              {pairs_of(500, 2, true), 0.701218875473, 3.377417e-75},
                              {pairs_of(500, 2, false), 0.079107126842, 7.718936e-02}};
  for (const Correlated& one : cases) {
    const auto found = rank_correlation(one.pairs);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->pairs, one.pairs.size());
    EXPECT_NEAR(found->rho, one.rho, 1e-10);
    EXPECT_NEAR(found->p / one.p, 1, 0.01);  // what the approximation promises
  }
}

TEST(Spearman, IsOneForAnyGrowingRelation) {
  const auto grows = rank_correlation(Pairs{{1, 1}, {2, 4}, {3, 9}, {1'000, 4'000'000'000}});
  ASSERT_TRUE(grows);
  EXPECT_DOUBLE_EQ(grows->rho, 1);
  EXPECT_EQ(grows->p, 0);
  EXPECT_DOUBLE_EQ(rank_correlation(Pairs{{1, 9}, {2, 5}, {3, 1}})->rho, -1);
}

TEST(Spearman, SaysNothingOfEqualValues) {
  EXPECT_FALSE(rank_correlation(Pairs(100, {7, 7})));
  EXPECT_FALSE(rank_correlation(Pairs{{1, 7}, {2, 7}, {3, 7}}));
  EXPECT_FALSE(rank_correlation(Pairs{{1, 2}, {2, 3}}));
  EXPECT_FALSE(rank_correlation({}));
}

TEST(Spearman, HalfOfTheValuesRemainAtAThird) {
  EXPECT_DOUBLE_EQ(effective_share(0), 1);
  EXPECT_DOUBLE_EQ(effective_share(1.0 / 3), 0.5);
}

// ---- Anderson-Darling ------------------------------------------------------------------------

Series exponential(std::size_t count, std::uint64_t seed, double mean) {
  Series gaps = uniform(count, seed);
  for (double& gap : gaps) gap = -std::log(1 - gap) * mean;
  return gaps;
}

Series even(std::size_t count, std::uint64_t seed) {
  Series gaps = uniform(count, seed);
  for (double& gap : gaps) gap += 0.5;
  return gaps;
}

struct Gaps {
  const char* what;
  Series gaps;
  double squared, distance;
};

// scipy.stats.goodness_of_fit's statistic for expon() with loc 0 and scale 1 given, and
// kstest(gaps, "expon").
TEST(AndersonDarling, AgreesWithScipyForAKnownRate) {
  const Gaps cases[] = {
      {"exponential", exponential(100, 3, 1), 0.6243678890, 0.0730608592},
      {"a fifth too long", exponential(100, 3, 1.2), 2.2343027946, 0.1216137047},
      {"even", even(100, 3), 24.5084824575, 0.3985137054},
      {"exponential, more", exponential(1'000, 4, 1), 0.8289910285, 0.0359090719},
      {"a fifth too long, more", exponential(1'000, 4, 1.2), 19.6671503071, 0.0859308882},
      {"even, more", even(1'000, 4), 230.9621746093, 0.3950463143}};
  for (const Gaps& one : cases) {
    SCOPED_TRACE(one.what);
    const ExponentialFit fit = exponential_fit(one.gaps, 1e-12);
    EXPECT_EQ(fit.samples, one.gaps.size());
    EXPECT_NEAR(fit.squared / one.squared, 1, 1e-8);
    EXPECT_NEAR(fit.distance, one.distance, 1e-9);
  }
}

// Stephens, "EDF Statistics for Goodness of Fit", JASA 69 (1974), table 1, case 0.
TEST(AndersonDarling, HasTheCriticalValuesOfStephens) {
  EXPECT_NEAR(anderson_darling_critical(0.10), 1.933, 0.001);
  EXPECT_NEAR(anderson_darling_critical(0.05), 2.492, 0.001);
  EXPECT_NEAR(anderson_darling_critical(0.01), 3.857, 0.025);
  EXPECT_NEAR(anderson_darling_p(anderson_darling_critical(0.001)), 0.001, 1e-9);
}

TEST(AndersonDarling, ChancesFallFromOneToZero) {
  double before = anderson_darling_p(0);
  EXPECT_EQ(before, 1);
  for (double squared = 0.05; squared < 50; squared += 0.05) {
    const double chance = anderson_darling_p(squared);
    EXPECT_LE(chance, before + 1e-6) << squared;
    EXPECT_GE(chance, 0) << squared;
    before = chance;
  }
}

TEST(AndersonDarling, TakesMessagesThatWereSentAtOnce) {
  const ExponentialFit fit = exponential_fit(Series(300, 0.0), 1e-6);
  EXPECT_TRUE(std::isfinite(fit.squared));
  EXPECT_GT(fit.squared, 1'000);
  EXPECT_NEAR(fit.distance, 1, 1e-5);
  EXPECT_EQ(exponential_fit({}, 1e-6).samples, 0U);
}

}  // namespace
}  // namespace client
