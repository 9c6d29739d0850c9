// The schedule of an open loop: pure functions of the rate, the phase and the seed.
#include "client/schedule/pace.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace client {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

nanoseconds due_of(Pace pace, std::uint64_t index) {
  for (std::uint64_t i = 0; i < index; ++i) pace.advance();
  return pace.due();
}

struct Due {
  double per_second;
  double phase;
  std::uint64_t index;
  nanoseconds due;
};

constexpr Due schedule[] = {
    {1, 0, 0, seconds{0}},                       // the first is due immediately, at every rate
    {0.001, 0, 0, seconds{0}},                   //
    {1, 0, 1, seconds{1}},                       // evenly spaced from there
    {1'000, 0, 250, milliseconds{250}},          //
    {0.001, 0, 3, seconds{3'000}},               // slower than one per second
    {0.5, 0, 7, seconds{14}},                    //
    {3, 0, 1, nanoseconds{333'333'333}},         // thirds are rounded
    {3, 0, 2, nanoseconds{666'666'667}},         // to the nearest nanosecond,
    {3, 0, 3'000'000, seconds{1'000'000}},       // and rounding errors do not add up
    {7, 0, 700'000, seconds{100'000}},           //
    {1e9, 0, 1, nanoseconds{1}},                 // one per nanosecond
    {1, 0.25, 0, milliseconds{250}},             // a phase delays the first by a share of a gap,
    {1, 0.25, 3, milliseconds{3'250}},           // and all following ones equally
    {1'000, 0.5, 1, nanoseconds{1'500'000}},     //
    {0.001, 0.999, 1, seconds{1'999}},           //
    {1e9, 0, 1'000'000, milliseconds{1}},        //
    {1e6, 0, 2'000'000, seconds{2}},             //
    {59.94, 0, 5'994, seconds{100}},             //
    {1'000.0 / 3, 0, 1'000, seconds{3}},         //
    {0.001, 0, 100, hours{27} + seconds{2'800}}  //
};

TEST(Pace, GivesEachMessageItsTime) {
  for (const Due& row : schedule) {
    EXPECT_EQ(due_of(Pace::evenly(row.per_second, row.phase), row.index), row.due)
        << "message " << row.index << " at " << row.per_second << "/s, phase " << row.phase;
  }
}

TEST(Pace, NeverGoesBackInTime) {
  Pace paces[] = {Pace::evenly(1e9 / 7), Pace::evenly(12'345.678, 0.3), Pace::poisson(1e9, 1),
                  Pace::poisson(3, 2)};
  for (Pace& pace : paces) {
    for (int i = 0; i < 10'000; ++i) {
      const nanoseconds before = pace.due();
      pace.advance();
      ASSERT_GE(pace.due(), before) << "message " << i;
    }
  }
}

TEST(Pace, DoesNotDependOnTheCallersClock) {
  // A stall of the caller changes no due time: each message that became due during it keeps its
  // own.
  Pace pace = Pace::evenly(1'000);
  int due_by_now = 0;
  for (; pace.due() <= milliseconds{1'100}; pace.advance()) ++due_by_now;
  EXPECT_EQ(due_by_now, 1'101);
}

TEST(Pace, IsNeverDueBeyondTheRangeOfTheClock) {
  // At one message per 1,000 s, 146 years have 4.6 million messages.
  EXPECT_EQ(due_of(Pace::evenly(0.001), 5'000'000), Pace::never);
  EXPECT_LT(due_of(Pace::evenly(0.001), 4'000'000), Pace::never);
  EXPECT_EQ(due_of(Pace::poisson(0.001, 3), 5'000'000), Pace::never);
  EXPECT_GT(Pace::never + hours{24 * 365 * 100}, Pace::never) << "adding to it does not overflow";
}

TEST(Pace, OfSeveralThreadsInterleave) {
  constexpr unsigned threads = 4;
  std::vector<nanoseconds> times;
  for (unsigned thread = 0; thread < threads; ++thread) {
    Pace pace = Pace::evenly(1'000.0 / threads, double{1} * thread / threads);
    for (int i = 0; i < 250; ++i, pace.advance()) times.push_back(pace.due());
  }
  std::sort(times.begin(), times.end());
  for (std::size_t i = 0; i < times.size(); ++i) {
    ASSERT_EQ(times[i], milliseconds{i}) << "together they equal one pace of the whole rate";
  }
}

std::vector<double> gaps_in_seconds(double per_second, std::uint64_t seed, std::size_t count) {
  Pace pace = Pace::poisson(per_second, seed);
  std::vector<double> gaps;
  nanoseconds last{0};
  for (; gaps.size() < count; pace.advance()) {
    gaps.push_back(static_cast<double>((pace.due() - last).count()) / 1e9);
    last = pace.due();
  }
  return gaps;
}

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

constexpr std::uint64_t seeds[] = {0, 1, 42, UINT64_MAX};
constexpr std::size_t many = 100'000;

TEST(PacePoisson, KeepsItsRateOnAverage) {
  for (const std::uint64_t seed : seeds) {
    for (const double rate : {0.5, 100.0, 250'000.0}) {
      const double mean = sum_of(gaps_in_seconds(rate, seed, many)) / many;
      // The mean of n exponential gaps has a relative standard deviation of 1/sqrt(n): 0.3 % here.
      EXPECT_NEAR(mean * rate, 1, 0.015) << "seed " << seed << ", " << rate << "/s";
    }
  }
}

// Kolmogorov-Smirnov test: the largest distance between the observed and the expected distribution.
// By chance it exceeds 1.95/sqrt(n) once in a thousand runs; the seeds are fixed, so never here.
TEST(PacePoisson, HasExponentialGaps) {
  constexpr double rate = 1'000;
  for (const std::uint64_t seed : seeds) {
    std::vector<double> gaps = gaps_in_seconds(rate, seed, many);
    std::sort(gaps.begin(), gaps.end());
    double distance = 0;
    for (std::size_t i = 0; i < many; ++i) {
      const double claimed = 1 - std::exp(-gaps[i] * rate);
      const double below = static_cast<double>(i) / many;
      distance = std::max({distance, claimed - below, below + 1.0 / many - claimed});
    }
    EXPECT_LT(distance, 1.95 / std::sqrt(double{many})) << "seed " << seed;
  }
}

TEST(PacePoisson, HasIndependentGaps) {
  for (const std::uint64_t seed : seeds) {
    const std::vector<double> gaps = gaps_in_seconds(1, seed, many);
    double products = 0;
    for (std::size_t i = 1; i < many; ++i) products += (gaps[i - 1] - 1) * (gaps[i] - 1);
    // The correlation of neighbours has a standard deviation of 1/sqrt(n).
    EXPECT_LT(std::abs(products / many), 4 / std::sqrt(double{many})) << "seed " << seed;
  }
}

TEST(PacePoisson, DependsOnTheSeedOnly) {
  Pace pace = Pace::poisson(1'000, 7);
  Pace same = Pace::poisson(1'000, 7);
  Pace other = Pace::poisson(1'000, 8);
  int alike = 0;
  for (int i = 0; i < 1'000; ++i, pace.advance(), same.advance(), other.advance()) {
    ASSERT_EQ(pace.due(), same.due()) << "message " << i;
    if (pace.due() == other.due()) ++alike;
  }
  EXPECT_LT(alike, 5);
}

// Bug: after a run at 1G/s with Poisson arrivals each of 10^10 unsent messages was drawn, past any
// deadline.
TEST(Pace, SkipsAnyNumberInConstantTime) {
  Pace random = Pace::poisson(1e9, 1);
  random.skip(10'000'000'000);
  EXPECT_NEAR(static_cast<double>(random.due().count()), 1e10, 1e6);
  Pace even = Pace::evenly(1e9);
  even.skip(10'000'000'000);
  EXPECT_EQ(even.due(), std::chrono::seconds{10});
}

}  // namespace
}  // namespace client
