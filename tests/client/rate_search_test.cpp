// The rate search against simulated servers: with a sharp edge, a noisy edge, and an edge out of
// range.
#include "client/schedule/rate_search.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <stdexcept>
#include <vector>

namespace client {
namespace {

using Answer = RateSearch::Answer;
using End = RateSearch::End;
using Plan = RateSearch::Plan;

constexpr double edge = 95'000;

/// Holds rates up to about `edge`. Within `width` of it a trial may hold or miss, and at any rate a
/// share `hiccup` of the trials misses.
class NoisyServer {
 public:
  NoisyServer(std::uint64_t seed, double width, double hiccup)
      : random_(seed), width_(width), hiccup_(hiccup) {}
  bool holds(double rate) {
    const double chance = (1 - hiccup_) / (1 + std::exp(std::log(rate / edge) / width_));
    return std::generate_canonical<double, 53>(random_) < chance;
  }

 private:
  std::mt19937_64 random_;
  double width_;
  double hiccup_;
};

template <typename Holds>
Answer searched(const Plan& plan, Holds holds) {
  RateSearch search(plan);
  while (const auto rate = search.next()) search.record(*rate, holds(*rate));
  return search.answer();
}

Plan around(double estimate) {
  return {estimate, 1'000, 1e6};
}

TEST(RateSearch, FindsASharpEdgeFromAnyEstimate) {
  for (const double estimate : {9'500.0, 60'000.0, 95'000.0, 120'000.0, 500'000.0}) {
    const Answer answer = searched(around(estimate), [](double rate) { return rate <= edge; });
    EXPECT_EQ(answer.end, End::found) << estimate;
    EXPECT_NEAR(answer.best / edge, 1, 0.01) << estimate;
    ASSERT_TRUE(answer.passes_at && answer.fails_at) << estimate;
    EXPECT_LE(*answer.passes_at, edge);
    EXPECT_GT(*answer.fails_at, edge);
    EXPECT_LE(*answer.fails_at / *answer.passes_at, 1.03) << estimate;
    EXPECT_LE(answer.low, edge * 1.005);
    EXPECT_GE(answer.high, edge / 1.005);
    EXPECT_LE(answer.trials, 30U);
  }
}

TEST(RateSearch, TwoSearchesOfANoisyServerAgreeWithinFivePerCent) {
  struct Case {
    double width, hiccup;
    int of_twenty;  ///< pairs that agree, at least
  };
  for (const Case& noise :
       {Case{0.005, 0, 20}, {0.01, 0.03, 20}, {0.02, 0.05, 20}, {0.03, 0.08, 19}}) {
    int agree = 0;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      // Each starts from its own estimate, as two runs would.
      const auto best = [&noise](double estimate, std::uint64_t run) {
        NoisyServer server(run, noise.width, noise.hiccup);
        return searched(around(estimate), [&server](double rate) { return server.holds(rate); })
            .best;
      };
      const double ratio = best(110'000, 2 * seed) / best(140'000, 2 * seed + 1);
      agree += std::abs(std::log(ratio)) <= std::log(1.05) ? 1 : 0;
    }
    EXPECT_GE(agree, noise.of_twenty) << "zone " << noise.width << ", hiccups " << noise.hiccup;
  }
}

TEST(RateSearch, ItsIntervalContainsTheEdgeAsOftenAsStated) {
  int covered = 0;
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    NoisyServer server(seed, 0.03, 0.08);
    const Answer answer =
        searched(around(120'000), [&server](double rate) { return server.holds(rate); });
    covered += answer.low <= edge && edge <= answer.high ? 1 : 0;
  }
  EXPECT_GE(covered, 34) << "of 40; 90 % is 36";
}

TEST(RateSearch, RecoversFromAHiccupInItsFirstTrials) {
  for (unsigned hiccup_in : {0U, 1U, 2U, 5U}) {
    unsigned trial = 0;
    const Answer answer = searched(
        around(120'000), [&](double rate) { return trial++ != hiccup_in && rate <= edge; });
    EXPECT_NEAR(answer.best / edge, 1, 0.02) << "a hiccup in trial " << hiccup_in;
  }
}

TEST(RateSearch, FollowsAServerThatSlowsDown) {
  unsigned trial = 0;
  const Answer answer = searched(
      around(120'000), [&trial](double rate) { return rate <= (trial++ < 7 ? 1.35 : 1.0) * edge; });
  EXPECT_NEAR(answer.best / edge, 1, 0.03);
}

TEST(RateSearch, EndsEarlyWhenTheEdgeIsSharp) {
  const Answer answer =
      searched({120'000, 1'000, 1e6, 100, 1.05}, [](double rate) { return rate <= edge; });
  EXPECT_LT(answer.trials, 60U);
  EXPECT_LE(answer.high / answer.low, 1.05);
}

TEST(RateSearch, ReportsWhenEvenTheLowestRateMisses) {
  const Answer answer = searched(around(100'000), [](double) { return false; });
  EXPECT_EQ(answer.end, End::none_holds);
  EXPECT_EQ(answer.best, 1'000);
  EXPECT_FALSE(answer.passes_at);
  EXPECT_LT(answer.trials, 30U) << "without using all trials";
}

TEST(RateSearch, ReportsWhenEvenTheHighestRateHolds) {
  const Answer answer = searched({100'000, 1'000, 150'000}, [](double rate) {
    EXPECT_LE(rate, 150'000);
    return true;
  });
  EXPECT_EQ(answer.end, End::ceiling);
  EXPECT_EQ(answer.best, 150'000);
  EXPECT_EQ(answer.passes_at, 150'000);
  EXPECT_FALSE(answer.fails_at);
  EXPECT_LT(answer.trials, 30U);
}

TEST(RateSearch, HasAnAnswerAtAnyTime) {
  RateSearch search(around(100'000));
  EXPECT_GT(search.answer().best, 0) << "before the first trial: the estimate, and a wide interval";
  EXPECT_GT(search.answer().high / search.answer().low, 2);
  search.record(*search.next(), true);
  EXPECT_EQ(search.answer().trials, 1U) << "an interrupted search still reports";
}

TEST(RateSearch, IsDeterministic) {
  const auto rates = [] {
    std::vector<double> tried;
    NoisyServer server(1, 0.02, 0.05);
    searched(around(100'000), [&](double rate) {
      tried.push_back(rate);
      return server.holds(rate);
    });
    return tried;
  };
  EXPECT_EQ(rates(), rates());
}

TEST(RateSearch, RefusesAnInvalidPlan) {
  EXPECT_THROW(RateSearch({0, 1, 10}), std::invalid_argument);
  EXPECT_THROW(RateSearch({5, 0, 10}), std::invalid_argument);
  EXPECT_THROW(RateSearch({5, 20, 10}), std::invalid_argument);
  EXPECT_THROW(RateSearch({5, 1, INFINITY}), std::invalid_argument);
}

}  // namespace
}  // namespace client
