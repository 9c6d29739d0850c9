// The checks of a run, from samples made by hand: which apply, which hold, and what their warnings
// say.
#include "client/findings/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <cmath>
#include <limits>

#include "client/findings/check_warnings.hpp"
#include "client/report/checks_part.hpp"
#include "echo/splitmix64.hpp"

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

/// The next of a series of independent numbers in (0, 1].
class Chance {
 public:
  double operator()() {
    const std::uint64_t bits = echo::splitmix64(++index_ * echo::splitmix64_increment) >> 11U;
    return static_cast<double>(bits + 1) * 0x1p-53;
  }

 private:
  std::uint64_t index_ = 0;
};

std::uint32_t ns(double value) {
  return static_cast<std::uint32_t>(std::lround(value));
}

/// 3 s at 2,000 messages/s by one loop, without samples.
Result open_run(bool poisson) {
  Result result;
  result.options.mode = Mode::stream;
  result.options.rate = 2'000;
  result.options.poisson = poisson;
  result.options.threads = 1;
  result.options.connections = 100;
  result.options.duration = seconds{3};
  result.phases.measured = seconds{3};
  result.tally.measured.sent = 6'000;
  result.samples.resize(1);
  result.samples[0].per_second = 2'000;
  return result;
}

/// Gaps of 0.5 ms on average: exponential, or equal but for a jitter of `jitter` of the gap.
void add_gaps(Result& result, double jitter) {
  Chance chance;
  for (int i = 0; i < 5'000; ++i) {
    const double gap = result.options.poisson ? -std::log(chance()) : 1 + jitter * (chance() - 0.5);
    result.samples[0].send_gaps.push_back(ns(gap * 500'000));
  }
}

/// Latencies of which each remembers `memory` of the one before.
void add_latencies(Result& result, double memory) {
  Chance chance;
  double latency = 0.5;
  for (int i = 0; i < 5'000; ++i) {
    const double next = memory * latency + (1 - memory) * chance();
    result.samples[0].latencies.emplace_back(ns(1e6 * latency), ns(1e6 * next));
    latency = next;
  }
}

/// 100 intervals of 60 echoes of 50 us or so, times `level(share of the phase)`.
template <class Level>
void add_intervals(Result& result, Level level) {
  Chance chance;
  for (int i = 0; i < 100; ++i) {
    const double mean = 50'000 * (0.9 + 0.2 * chance()) * level(i / 100.0);
    result.samples[0].intervals.push_back({60, static_cast<std::uint64_t>(60 * mean)});
  }
}

std::vector<std::string> warnings_in(const Result& result) {
  return warnings_of_checks(checks_of(result), Words{});
}

TEST(Checks, AllHoldForAHealthyRun) {
  for (const bool poisson : {false, true}) {
    Result result = open_run(poisson);
    add_gaps(result, 0.2);
    add_latencies(result, 0.2);
    add_intervals(result, [](double) { return 1; });
    const Checks checks = checks_of(result);
    ASSERT_TRUE(checks.send_rate && checks.send_gaps && checks.independence && checks.stationarity);
    EXPECT_TRUE(checks.send_rate->holds);
    EXPECT_TRUE(checks.send_gaps->holds);
    EXPECT_LE(checks.send_gaps->statistic, checks.send_gaps->critical);
    EXPECT_TRUE(checks.independence->holds);
    EXPECT_EQ(checks.independence->pairs, 5'000U);
    EXPECT_TRUE(checks.stationarity->holds);
    EXPECT_LT(checks.stationarity->statistic, checks.stationarity->critical);
    EXPECT_THAT(warnings_in(result), IsEmpty());
  }
}

// ---- the rate

struct Sent {
  bool poisson;
  std::uint64_t sent, unsent;
  bool holds;
};

TEST(Checks, TheRateIsThatOfTheScheduleOrWithinItsSpread) {
  const Sent cases[] = {
      {false, 6'000, 0, true},   {false, 5'995, 5, true},  // the last wake-up of the phase
      {false, 5'985, 15, false},                           // 0.25 %
      {false, 6'030, 0, false},  {true, 6'250, 0, true},   // 3.2 deviations of 77
      {true, 6'320, 0, false},                             // 4.1
      {true, 5'700, 0, true},    {true, 5'680, 0, false},
      {true, 5'950, 60, false}};  // within the spread, but 1 % was not sent
  for (const Sent& one : cases) {
    Result result = open_run(one.poisson);
    result.tally.measured.sent = one.sent;
    result.tally.measured.unsent = one.unsent;
    const Checks checks = checks_of(result);
    ASSERT_TRUE(checks.send_rate);
    EXPECT_EQ(checks.send_rate->holds, one.holds) << one.sent << (one.poisson ? " poisson" : "");
    EXPECT_DOUBLE_EQ(checks.send_rate->sent, static_cast<double>(one.sent) / 3);
  }
}

TEST(Checks, ARateThatWasNotHeldIsToldWithTheRemedy) {
  Result result = open_run(false);
  result.tally.measured.sent = 4'500;
  result.tally.measured.unsent = 1'500;
  EXPECT_THAT(warnings_in(result),
              ElementsAre("the client sent 1500 messages/s of 2000 asked (3 more or less are "
                          "allowed), 1,500 were due and never sent: the server or the client does "
                          "not keep up; lower -R or use more connections (-n), --depth or threads "
                          "(-t)"));
}

// ---- the gaps

TEST(Checks, BurstsAreNotPoisson) {
  Result result = open_run(true);
  for (int i = 0; i < 5'000; ++i)  // of ten messages at a time
    result.samples[0].send_gaps.push_back(i % 10 == 0 ? 4'946'000 : 6'000);
  const Checks checks = checks_of(result);
  ASSERT_TRUE(checks.send_gaps);
  EXPECT_FALSE(checks.send_gaps->holds);
  EXPECT_GT(*checks.send_gaps->distance, 0.8);
  EXPECT_THAT(warnings_in(result),
              ElementsAre(StartsWith("the gaps between sends are not those of Poisson arrivals")));
}

TEST(Checks, EqualGapsAreNotPoisson) {
  Result result = open_run(true);
  result.samples[0].send_gaps.assign(5'000, 500'000);
  EXPECT_FALSE(checks_of(result).send_gaps->holds);
}

// A test with 10,000 samples refutes anything; nobody is helped by a gap of 6 us in place of 0.
TEST(Checks, SmallDifferencesFromPoissonAreAllowed) {
  Result result = open_run(true);
  add_gaps(result, 0);
  for (std::uint32_t& gap : result.samples[0].send_gaps) gap = std::max(gap, 50'000U);
  const Checks checks = checks_of(result);
  EXPECT_GT(checks.send_gaps->statistic, checks.send_gaps->critical);
  EXPECT_NEAR(*checks.send_gaps->distance, 0.095, 0.01);
  EXPECT_TRUE(checks.send_gaps->holds);
}

TEST(Checks, UniformGapsMayBeOffByHalfAGap) {
  Result result = open_run(false);
  add_gaps(result, 0.9);
  EXPECT_TRUE(checks_of(result).send_gaps->holds);
  EXPECT_EQ(checks_of(result).send_gaps->statistic, 0);
  result.samples[0].send_gaps.insert(result.samples[0].send_gaps.end(), 800, 6'000);
  const Checks checks = checks_of(result);
  EXPECT_FALSE(checks.send_gaps->holds);
  EXPECT_FALSE(checks.send_gaps->distance);
  EXPECT_NEAR(checks.send_gaps->statistic, 800.0 / 5'800, 1e-9);
}

// At 100,000/s a gap is 10 us, and each wake-up sends several messages.
TEST(Checks, GapsShorterThanAWakeUpMayBeOffByThat) {
  Result result = open_run(false);
  result.options.rate = result.samples[0].per_second = 100'000;
  for (int i = 0; i < 5'000; ++i)
    result.samples[0].send_gaps.push_back(i % 8 == 0 ? 60'000 : 3'000);
  EXPECT_TRUE(checks_of(result).send_gaps->holds);
}

TEST(Checks, EachLoopHasItsOwnRateAndTheWorstIsTold) {
  Result result = open_run(false);
  result.samples.resize(3);
  result.samples[1].per_second = 1'000;
  result.samples[1].send_gaps.assign(400, 1'000'000);
  result.samples[2].per_second = 1'000;
  result.samples[2].send_gaps.assign(300, 500'000 - 1);
  add_gaps(result, 0.1);
  const Checks checks = checks_of(result);
  EXPECT_EQ(checks.send_gaps->samples, 300U);
  EXPECT_EQ(checks.send_gaps->statistic, 1);
  EXPECT_FALSE(checks.send_gaps->holds);
}

// A sample holds 4.29 s at most: of a message each 10 s it would say that each gap is wrong.
TEST(Checks, GapsThatASampleCannotHoldAreNotJudged) {
  for (const bool poisson : {false, true}) {
    Result result = open_run(poisson);
    result.options.rate = result.samples[0].per_second = 0.1;
    result.samples[0].send_gaps.assign(300, std::numeric_limits<std::uint32_t>::max());
    EXPECT_FALSE(checks_of(result).send_gaps);
  }
}

// ---- independence

TEST(Checks, LatenciesThatDependOnTheOneBeforeAreTold) {
  Result result = open_run(false);
  add_latencies(result, 0.7);
  const Checks checks = checks_of(result);
  EXPECT_FALSE(checks.independence->holds);
  EXPECT_NEAR(checks.independence->rho, 0.7, 0.05);
  EXPECT_THAT(
      warnings_in(result),
      ElementsAre(testing::AllOf(
          StartsWith("latencies depend on the one before (Spearman 0."),
          HasSubstr("over 5,000 pairs): percentiles are about as certain as those of 20 %"))));
}

// 5,000 pairs make a correlation of 0.2 certain, and it changes little.
TEST(Checks, SignificantIsNotLarge) {
  Result result = open_run(false);
  add_latencies(result, 0.2);
  EXPECT_NEAR(checks_of(result).independence->rho, 0.2, 0.05);
  EXPECT_TRUE(checks_of(result).independence->holds);
}

// ---- stationarity

TEST(Checks, ADriftIsToldAndASpikeIsNot) {
  Result drifts = open_run(false);
  add_intervals(drifts, [](double x) { return 1 + x; });
  EXPECT_FALSE(checks_of(drifts).stationarity->holds);
  EXPECT_THAT(warnings_in(drifts),
              ElementsAre(testing::AllOf(
                  StartsWith("the latency drifted in the measured window by "),
                  HasSubstr("over 100 intervals"), HasSubstr("warm up longer (--warmup)"))));
  Result shifts = open_run(false);
  add_intervals(shifts, [](double x) { return x < 0.4 ? 3 : 1; });
  EXPECT_FALSE(checks_of(shifts).stationarity->holds);
  Result spikes = open_run(false);
  add_intervals(spikes, [](double x) { return x == 0.3 ? 100 : 1; });
  EXPECT_TRUE(checks_of(spikes).stationarity->holds);
  Result little = open_run(false);
  add_intervals(little, [](double x) { return 1 + 0.3 * x; });
  EXPECT_TRUE(checks_of(little).stationarity->holds);
}

TEST(Checks, IntervalsWithoutAnEchoHaveNoLatency) {
  Result result = open_run(false);
  add_intervals(result, [](double) { return 1; });
  for (std::size_t i = 20; i < 60; ++i) result.samples[0].intervals[i] = {};
  EXPECT_EQ(checks_of(result).stationarity->points, 60U);
  for (std::size_t i = 60; i < 71; ++i) result.samples[0].intervals[i] = {};
  EXPECT_FALSE(checks_of(result).stationarity);
}

// ---- which apply

TEST(Checks, AClosedLoopHasOnlyTheStationarity) {
  Result result = open_run(false);
  result.options.rate = 0;
  add_gaps(result, 0);
  add_latencies(result, 0.9);
  add_intervals(result, [](double) { return 1; });
  const Checks checks = checks_of(result);
  EXPECT_FALSE(checks.send_rate || checks.send_gaps || checks.independence);
  EXPECT_TRUE(checks.stationarity);
}

TEST(Checks, TooFewSamplesSayNothing) {
  Result result = open_run(true);
  result.phases.measured = milliseconds{5};
  result.tally.measured.sent = 10;
  result.samples[0].send_gaps.assign(fewest_gaps - 1, 1);
  result.samples[0].latencies.assign(fewest_pairs - 1, {1, 2});
  EXPECT_EQ(boost::json::serialize(checks_json(checks_of(result))),
            R"({"send_rate":null,"send_gaps":null,"independence":null,"stationarity":null})");
}

TEST(Checks, AreWrittenAsNumbers) {
  Checks checks;
  checks.send_rate = {2'000, 1'999.5, 3, 1, true};
  checks.send_gaps = {true, 300, 1.25, 3.878357, 0.0625, true};
  checks.independence = {300, 0.625, false};
  checks.stationarity = {100, -1.5, -2.89, 0.75, false};
  EXPECT_EQ(boost::json::serialize(checks_json(checks)),
            R"({"send_rate":{"asked":2E3,"sent":1.9995E3,"spread":3E0,"unsent":1,"holds":true},)"
            R"("send_gaps":{"test":"anderson_darling","samples":300,"statistic":1.25E0,)"
            R"("critical":3.878357E0,"distance":6.25E-2,"holds":true},)"
            R"("independence":{"pairs":300,"rho":6.25E-1,"holds":false},)"
            R"("stationarity":{"points":100,"statistic":-1.5E0,"critical":-2.89E0,"drift":7.5E-1,)"
            R"("holds":false}})");
}

}  // namespace
}  // namespace client
