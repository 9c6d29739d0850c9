// The latency histogram: how exact it is, how it merges, and what it does not report.
#include "echo/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace echo {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

constexpr double promised_error = 0.005;

double relative_error(std::uint64_t measured, std::uint64_t truth) {
  const double difference = static_cast<double>(measured) - static_cast<double>(truth);
  return std::abs(difference) / static_cast<double>(truth);
}

/// A histogram with `value` between outliers, so that its median is the bin's middle and is not
/// clamped to an exact minimum or maximum.
Histogram around(std::uint64_t value) {
  Histogram histogram;
  for (int i = 0; i < 20; ++i) histogram.record(nanoseconds(value));
  histogram.record(1ns);
  histogram.record(nanoseconds(LogLinearAxis::max_value));
  return histogram;
}

TEST(Histogram, IsExactToHalfAPercentAtEveryMagnitude) {
  ASSERT_LE(Histogram::error_bound(), promised_error);
  for (std::uint64_t magnitude = 1; magnitude < LogLinearAxis::max_value / 2; magnitude *= 2) {
    for (const std::uint64_t offset :
         {std::uint64_t{0}, magnitude / 128, magnitude / 3, magnitude - 1}) {
      const std::uint64_t value = magnitude + offset;
      const auto median = around(value).percentile(50);
      ASSERT_TRUE(median);
      EXPECT_LE(relative_error(median->ns, value), Histogram::error_bound()) << value;
    }
  }
}

TEST(LogLinearAxis, PutsEachValueBetweenTheEdgesOfItsBin) {
  const LogLinearAxis axis;
  int last = -1;
  for (std::uint64_t value = 0; value <= LogLinearAxis::max_value; value += value / 300 + 1) {
    const int bin = axis.index(value);
    ASSERT_LE(LogLinearAxis::lower(bin), value);
    ASSERT_GT(LogLinearAxis::lower(bin + 1), value);
    ASSERT_GE(bin, last) << "bins ascend with the values";
    last = bin;
  }
  EXPECT_EQ(axis.index(LogLinearAxis::max_value), axis.size() - 2);
  EXPECT_EQ(axis.index(LogLinearAxis::max_value + 1), axis.size() - 1) << "its own bin";
  EXPECT_EQ(axis.index(UINT64_MAX), axis.size() - 1) << "for all larger values";
  EXPECT_EQ(LogLinearAxis::lower(axis.size() - 1), LogLinearAxis::max_value + 1);
}

TEST(Histogram, KeepsItsErrorBoundForAHundredThousandValuesOfEveryMagnitude) {
  std::mt19937_64 random{11};
  std::uniform_real_distribution<double> logarithm{0, 40};
  const LogLinearAxis axis;
  for (int i = 0; i < 100'000; ++i) {
    const auto value = std::min(static_cast<std::uint64_t>(std::exp2(logarithm(random))),
                                LogLinearAxis::max_value);
    const int bin = axis.index(value);
    const std::uint64_t first = LogLinearAxis::lower(bin);
    const std::uint64_t middle = first + (LogLinearAxis::lower(bin + 1) - first) / 2;
    ASSERT_LE(relative_error(middle, value), Histogram::error_bound()) << value;
  }
}

TEST(Histogram, AgreesWithASortedVectorOfTenThousandValues) {
  std::mt19937_64 random{42};
  std::lognormal_distribution<double> latency{13, 2};  // median 0.4 ms, a tail of seconds
  std::vector<std::uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latency(random)) + 1);
    histogram.record(nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.01, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9}) {
    const auto rank = static_cast<std::size_t>(std::ceil(10'000 * percent / 100 - 1e-9));
    const auto measured = histogram.percentile(percent);
    ASSERT_TRUE(measured) << percent;
    EXPECT_LE(relative_error(measured->ns, values[rank - 1]), promised_error) << percent;
    EXPECT_FALSE(measured->at_least) << percent;
  }
  EXPECT_EQ(histogram.min(), values.front());
  EXPECT_EQ(histogram.max(), values.back());
  double sum = 0;
  for (const std::uint64_t value : values) sum += static_cast<double>(value);
  EXPECT_NEAR(histogram.mean(), sum / 10'000, 1);
}

Histogram::Parts parts_of(const Histogram& histogram) {
  return {histogram.bins(),
          histogram.count(),
          histogram.sum(),
          histogram.min(),
          histogram.max(),
          histogram.censored(),
          histogram.lowest_censored()};
}

/// Everything that a histogram reports.
void expect_alike(const Histogram& a, const Histogram& b) {
  EXPECT_EQ(a.count(), b.count());
  EXPECT_EQ(a.censored(), b.censored());
  EXPECT_EQ(a.lowest_censored(), b.lowest_censored());
  EXPECT_EQ(a.overflow(), b.overflow());
  EXPECT_EQ(a.min(), b.min());
  EXPECT_EQ(a.max(), b.max());
  EXPECT_EQ(a.sum(), b.sum());
  EXPECT_DOUBLE_EQ(a.mean(), b.mean());
  EXPECT_EQ(a.bins(), b.bins());
  for (const double percent : {50.0, 90.0, 99.0}) {
    const auto one = a.percentile(percent);
    const auto other = b.percentile(percent);
    ASSERT_EQ(one.has_value(), other.has_value());
    if (!one) continue;
    EXPECT_EQ(one->ns, other->ns);
    EXPECT_EQ(one->at_least, other->at_least);
  }
}

TEST(Histogram, MergedIsAsIfAllHadBeenRecordedInOne) {
  std::mt19937_64 random{7};
  std::uniform_int_distribution<std::int64_t> any{0, 1'000'000'000};
  Histogram whole;
  Histogram parts[3];
  for (int i = 0; i < 3'000; ++i) {
    const nanoseconds value{any(random)};
    Histogram& part = parts[i % 2];  // the third stays empty
    if (i % 100 == 0) {
      whole.record_censored(value);
      part.record_censored(value);
    } else {
      whole.record(value);
      part.record(value);
    }
  }
  Histogram merged;
  for (const Histogram& part : parts) merged += part;
  expect_alike(merged, whole);
}

/// 3,000 values of all kinds: from 0 to an hour, some of them censored.
Histogram of_all_kinds() {
  std::mt19937_64 random{3};
  std::uniform_real_distribution<double> logarithm{0, 41.7};
  Histogram histogram;
  for (int i = 0; i < 3'000; ++i) {
    const nanoseconds value{static_cast<std::int64_t>(std::exp2(logarithm(random))) - 1};
    i % 50 == 0 ? histogram.record_censored(value) : histogram.record(value);
  }
  return histogram;
}

TEST(Histogram, IsTheSameAgainFromItsParts) {
  Histogram few;
  few.record(0ns);
  Histogram censored_only;
  censored_only.record_censored(10s);
  for (const Histogram& histogram : {Histogram{}, few, censored_only, of_all_kinds()}) {
    expect_alike(Histogram::from(parts_of(histogram)), histogram);
  }
}

TEST(Histogram, FromItsPartsGoesOnRecordingAndMerging) {
  const Histogram original = of_all_kinds();
  Histogram rebuilt = Histogram::from(parts_of(original));
  Histogram whole = original;
  rebuilt.record(1ms);
  whole.record(1ms);
  rebuilt += original;
  whole += original;
  expect_alike(rebuilt, whole);
}

TEST(Histogram, RefusesPartsThatContradictEachOther) {
  using Parts = Histogram::Parts;
  struct Case {
    const char* expected;
    void (*spoil)(Parts&);
  };
  const Case cases[] = {
      {"bin 257 does not begin on an edge", [](Parts& p) { p.bins[1].lower = 257; }},
      {"bin 7 is out of order", [](Parts& p) { p.bins[1].lower = 7; }},
      {"bin 100 is out of order", [](Parts& p) { p.bins[1].lower = 100; }},
      {"bin 256 is empty", [](Parts& p) { p.bins[1].count = 0; }},
      {"hold 6, the count is 7", [](Parts& p) { p.count = 7; }},
      {"hold more than the count", [](Parts& p) { p.count = 5; }},
      {"hold more than the count", [](Parts& p) { p.bins[1].count = UINT64_MAX; }},
      {"have the sum 900", [](Parts& p) { p.sum = 900; }},
      {"have the sum 1200", [](Parts& p) { p.sum = 1200; }},
      {"the minimum is not in the first bin", [](Parts& p) { p.min = 99; }},
      {"the maximum is not in the last bin", [](Parts& p) { p.max = 258; }},
      {"the minimum is above the maximum", [](Parts& p) { p.min = 300; }},
      {"more values are censored than recorded", [](Parts& p) { p.censored = 7; }},
      {"the lowest of them contradict", [](Parts& p) { p.lowest_censored.reset(); }},
      {"the lowest of them contradict", [](Parts& p) { p.censored = 0; }},
      {"is in none of the bins", [](Parts& p) { p.lowest_censored = 200; }},
      {"empty, but with a maximum", [](Parts& p) { p = {}, p.max = 1; }},
  };
  Histogram sound;
  for (int i = 0; i < 3; ++i) sound.record(100ns);
  for (int i = 0; i < 3; ++i) sound.record_censored(257ns);
  for (const Case& each : cases) {
    Parts parts = parts_of(sound);
    each.spoil(parts);
    try {
      Histogram::from(parts);
      ADD_FAILURE() << "accepted, although: " << each.expected;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(each.expected), std::string::npos) << error.what();
    }
  }
}

TEST(Histogram, ClearedIsAsNew) {
  Histogram histogram = of_all_kinds();
  histogram.clear();
  expect_alike(histogram, Histogram{});
  histogram.record(5ms);
  Histogram fresh;
  fresh.record(5ms);
  expect_alike(histogram, fresh);
}

TEST(Histogram, ReportsALowerBoundBeyondItsAxis) {
  Histogram histogram;
  for (int i = 0; i < 50; ++i) histogram.record(1ms);
  for (int i = 0; i < 50; ++i) histogram.record(1h);
  EXPECT_EQ(histogram.overflow(), 50U);
  EXPECT_EQ(histogram.censored(), 0U) << "the value is known, only its bin has no upper edge";
  EXPECT_EQ(histogram.max(), 3'600'000'000'000U) << "exact";
  EXPECT_FALSE(histogram.percentile(50)->at_least);
  EXPECT_EQ(histogram.percentile(90)->ns, LogLinearAxis::max_value + 1);
  EXPECT_TRUE(histogram.percentile(90)->at_least);
}

TEST(Histogram, ReportsNoPercentileWithFewerThanTenSamplesAboveIt) {
  struct Case {
    int samples;
    double percent;
    bool reported;
  };
  constexpr Case cases[] = {{0, 50, false},       {1, 50, false},   {19, 50, false},
                            {20, 50, true},       {99, 90, false},  {100, 90, true},
                            {999, 99, false},     {1000, 99, true}, {9999, 99.9, false},
                            {10'000, 99.9, true}, {1000, 0, false}, {1000, 100, false}};
  for (const Case& each : cases) {
    Histogram histogram;
    for (int i = 0; i < each.samples; ++i) histogram.record(1us);
    EXPECT_EQ(histogram.percentile(each.percent).has_value(), each.reported)
        << each.samples << " samples, p" << each.percent;
  }
}

TEST(Histogram, ReportsAtLeastFromTheFirstCensoredValueOn) {
  Histogram histogram;
  for (int i = 0; i < 900; ++i) histogram.record(1ms);
  for (int i = 0; i < 100; ++i) histogram.record_censored(10s);
  EXPECT_EQ(histogram.censored(), 100U);
  EXPECT_EQ(histogram.count(), 1000U) << "censored values stay in the distribution";
  EXPECT_FALSE(histogram.percentile(50)->at_least);
  EXPECT_FALSE(histogram.percentile(90)->at_least);
  ASSERT_TRUE(histogram.percentile(99));
  EXPECT_TRUE(histogram.percentile(99)->at_least);
  EXPECT_EQ(histogram.percentile(99)->ns, 10'000'000'000U);
}

TEST(Histogram, DoesNotLetAnEarlyCensoredValuePassForAnExactTail) {
  Histogram histogram;
  for (int i = 0; i < 990; ++i) histogram.record(20ms);
  for (int i = 0; i < 10; ++i) histogram.record_censored(1ms);  // ended early: may have been longer
  EXPECT_TRUE(histogram.percentile(50)->at_least);
}

TEST(Histogram, TakesANegativeDurationAsZero) {
  Histogram histogram;
  histogram.record(-5ns);
  EXPECT_EQ(histogram.count(), 1U);
  EXPECT_EQ(histogram.min(), 0U);
  EXPECT_EQ(histogram.max(), 0U);
}

TEST(Histogram, ReportsNothingWhenEmpty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count() + histogram.min() + histogram.max(), 0U);
  EXPECT_EQ(histogram.mean(), 0.0);
  EXPECT_TRUE(histogram.bins().empty());
  EXPECT_FALSE(histogram.percentile(50));
}

}  // namespace
}  // namespace echo
