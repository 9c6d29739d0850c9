// Objectives: accepted and refused texts, and the three verdicts.
#include "client/options/objective.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>

namespace client {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

std::string all_of(const Objective& objective) {
  std::string text;
  for (const Term& term : objective.terms()) text += (text.empty() ? "" : "; ") + text_of(term);
  return text;
}

TEST(Objective, ParsesTermsSeparatedByCommas) {
  struct Case {
    const char* typed;
    const char* shown;
  };
  const Case cases[] = {
      {"p99<5ms", "p99 < 5 ms"},
      {"p99<5ms,p99.9<50ms", "p99 < 5 ms; p99.9 < 50 ms"},
      {"p50<=200us", "p50 <= 200 us"},
      {"max<1s", "max < 1 s"},
      {" p99 < 5ms , max <= 90s ", "p99 < 5 ms; max <= 90 s"},
      {"p99<2", "p99 < 2 s"},
      {"p99.99<1.2345ms", "p99.99 < 1.2345 ms"},
      {"p0.1<7ns", "p0.1 < 7 ns"},
      {"p99<2m", "p99 < 120 s"},
  };
  for (const Case& each : cases) EXPECT_EQ(all_of(Objective::parse(each.typed)), each.shown);
}

TEST(Objective, ParsesItsOwnText) {
  for (const char* typed : {"p99<5ms", "p99.9<=1.5s", "max<=1h", "p50<123456789ns"}) {
    const Term term = Objective::parse(typed).terms().front();
    EXPECT_EQ(Objective::parse(text_of(term)).terms().front(), term) << text_of(term);
  }
}

TEST(Objective, RefusesTheRestAndNamesTheAllowedForm) {
  const char* const cases[] = {"",         ",",        "p99",         "p99<",      "p99<5 apples",
                               "99<5ms",   "p<5ms",    "p0<5ms",      "p100<5ms",  "p101<5ms",
                               "p-1<5ms",  "pinf<5ms", "p1e1<5ms",    "p9.9.9<1s", "p99>5ms",
                               "p99=5ms",  "p99<<5ms", "p99<=<5ms",   "p99<0",     "p99<-5ms",
                               "p99<5ms,", "mean<5ms", "p99<5ms p50", "maximum<1", "p99\n<5ms"};
  for (const char* text : cases) {
    try {
      Objective::parse(text);
      ADD_FAILURE() << "accepted: " << text;
    } catch (const std::invalid_argument& error) {
      const std::string line = error.what();
      EXPECT_NE(line.find("p99<5ms, p99.9<=50ms or max<1s"), std::string::npos) << line;
      EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    }
  }
}

/// `count` samples of 1 ms, then `slow` of 20 ms.
echo::Histogram samples(int count, int slow = 0) {
  echo::Histogram histogram;
  for (int i = 0; i < count; ++i) histogram.record(1ms);
  for (int i = 0; i < slow; ++i) histogram.record(20ms);
  return histogram;
}

/// As samples(), with `unanswered` messages given up after `after`.
echo::Histogram with_unanswered(echo::Histogram histogram, int unanswered, nanoseconds after) {
  for (int i = 0; i < unanswered; ++i) histogram.record_censored(after);
  return histogram;
}

std::string judged(const char* objective, const echo::Histogram& histogram) {
  return text_of(Objective::parse(objective).judge(histogram).front());
}

TEST(Objective, JudgesAPercentileWithEnoughSamples) {
  EXPECT_EQ(judged("p99<5ms", samples(1000)), "p99 < 5 ms: held (1 ms)");
  EXPECT_EQ(judged("p99<5ms", samples(980, 20)), "p99 < 5 ms: missed (20 ms)");
  EXPECT_EQ(judged("p90<5ms", samples(980, 20)), "p90 < 5 ms: held (1 ms)");
}

TEST(Objective, AReachedBoundIsHeldOnlyWithAnEqualsSign) {
  const echo::Histogram exact =
      samples(1000);  // minimum and maximum are 1 ms, so all percentiles are exact
  EXPECT_EQ(judged("p50<=1ms", exact), "p50 <= 1 ms: held (1 ms)");
  EXPECT_EQ(judged("p50<1ms", exact), "p50 < 1 ms: missed (1 ms)");
  EXPECT_EQ(judged("max<=1ms", exact), "max <= 1 ms: held (1 ms)");
  EXPECT_EQ(judged("max<1ms", exact), "max < 1 ms: missed (1 ms)");
}

TEST(Objective, ProvesNothingWithFewerThanTenSamplesAbove) {
  EXPECT_EQ(judged("p99.9<5ms", samples(1000)),
            "p99.9 < 5 ms: unproven (fewer than ten samples above it)");
  EXPECT_EQ(judged("p50<5ms", samples(10)),
            "p50 < 5 ms: unproven (fewer than ten samples above it)");
  EXPECT_EQ(judged("p50<5ms", {}), "p50 < 5 ms: unproven (fewer than ten samples above it)");
  EXPECT_EQ(judged("max<5ms", {}), "max < 5 ms: unproven (fewer than ten samples above it)");
}

TEST(Objective, MissesWithFewSamplesIfALowerPercentileMisses) {
  EXPECT_EQ(judged("p99.9<5ms", samples(80, 20)), "p99.9 < 5 ms: missed (>= 20 ms)");
  EXPECT_EQ(judged("p99.9<5ms", samples(80, 10)),
            "p99.9 < 5 ms: unproven (fewer than ten samples above it)")
      << "the ten slow samples are the ten above";
}

TEST(Objective, AMessageGivenUpAboveTheBoundMissesIt) {
  const auto above = with_unanswered(samples(900), 100, 10s);
  EXPECT_EQ(judged("p99<5ms", above), "p99 < 5 ms: missed (>= 10 s)");
  EXPECT_EQ(judged("p50<5ms", above), "p50 < 5 ms: held (1 ms)");
  EXPECT_EQ(judged("max<5ms", above), "max < 5 ms: missed (>= 10 s)");
}

TEST(Objective, AMessageGivenUpBelowTheBoundProvesNothing) {
  const auto below = with_unanswered(samples(900), 100, 2ms);
  EXPECT_EQ(judged("p99<5ms", below), "p99 < 5 ms: unproven (>= 2 ms is all that is known)");
  EXPECT_EQ(judged("max<5ms", below), "max < 5 ms: unproven (>= 2 ms is all that is known)");
}

TEST(Objective, IsHeldIfEveryUnansweredMessageMayBeEndless) {
  const auto three_unanswered = with_unanswered(samples(10'000), 3, 500us);
  EXPECT_EQ(judged("p99<5ms", three_unanswered), "p99 < 5 ms: held (<= 1 ms)");
  EXPECT_EQ(judged("p99<5ms", with_unanswered(samples(9'900, 60), 60, 500us)),
            "p99 < 5 ms: unproven (>= 1 ms is all that is known)")
      << "sixty endless messages would move the slow ones to p99";
}

TEST(Objective, BeyondTheHistogramsAxisIsOnlyALowerBound) {
  echo::Histogram hours;
  for (int i = 0; i < 100; ++i) hours.record(2h);
  EXPECT_EQ(judged("p50<1h", hours), "p50 < 3600 s: unproven (>= 18m 20s is all that is known)");
  EXPECT_EQ(judged("p50<5m", hours), "p50 < 300 s: missed (>= 18m 20s)");
  EXPECT_EQ(judged("max<3h", hours), "max < 10800 s: held (2h)");
}

TEST(Objective, TheWorstTermIsTheVerdict) {
  struct Case {
    const char* objective;
    Verdict verdict;
  };
  const Case cases[] = {
      {"p50<5ms,p90<5ms", Verdict::held},
      {"p50<5ms,p99.9<5ms", Verdict::unproven},
      {"p99.9<5ms,max<1ms", Verdict::missed},
  };
  for (const Case& each : cases) {
    const auto judgements = Objective::parse(each.objective).judge(samples(1000));
    EXPECT_EQ(verdict_of(judgements), each.verdict) << each.objective;
  }
  EXPECT_EQ(verdict_of({}), Verdict::held) << "without objectives";
}

TEST(Objective, ReportsHowManySamplesATrialNeeds) {
  struct Case {
    const char* objective;
    int needed;
  };
  const Case cases[] = {{"max<1s", 1},     {"p50<1s", 20},          {"p90<1s", 100},
                        {"p99<1s", 1'000}, {"p99.9<1s", 10'000},    {"p99.99<1s", 100'000},
                        {"p75<1s", 40},    {"p99<1s,max<2s", 1'000}};
  for (const Case& each : cases) {
    const Objective objective = Objective::parse(each.objective);
    EXPECT_EQ(objective.samples_needed(), static_cast<std::uint64_t>(each.needed))
        << each.objective;
    EXPECT_NE(verdict_of(objective.judge(samples(each.needed))), Verdict::unproven)
        << each.objective;
    if (each.needed == 1) continue;
    EXPECT_EQ(verdict_of(objective.judge(samples(each.needed - 1))), Verdict::unproven)
        << each.objective;
  }
}

}  // namespace
}  // namespace client
