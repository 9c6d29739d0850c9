// Workers over time: which samples are stored, and which stretch counts as lopsided.
#include "server/series.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "server/balance.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;

/// A sample at `second`, with the messages that each worker has handled so far.
Series::Sample at(int second, std::vector<std::uint64_t> messages) {
  Series::Sample sample{std::chrono::seconds{second}, {}};
  for (const std::uint64_t each : messages) sample.workers.push_back({0, 0, each, 0, std::nullopt});
  return sample;
}

TEST(Series, NamesTheWorkerThatTakesTwiceTheLoadFromTheMiddleOn) {
  Series series{1s};
  std::vector<std::uint64_t> sums(4, 0);
  for (int second = 0; second <= 20; ++second) {
    series.add(at(second, sums));
    for (std::size_t w = 0; w < 4; ++w) sums[w] += second >= 10 && w == 2 ? 2000 : 1000;
  }
  const auto lopsided = series.lopsided();
  ASSERT_TRUE(lopsided);
  EXPECT_EQ(lopsided->worker, 2U);
  EXPECT_EQ(lopsided->from, 10s);
  EXPECT_EQ(lopsided->to, 20s);
  EXPECT_NEAR(lopsided->over_mean, 1.6, 0.01);  // 2,000 of 5,000 over four
}

TEST(Series, IgnoresEvenWorkersAndShortOrIdleStretches) {
  Series even{1s};
  Series twice_at_once{1s};
  Series idle{1s};
  for (std::uint64_t i = 0; i <= 10; ++i) {
    even.add(at(static_cast<int>(i), {i * 1000, i * 1100}));
    twice_at_once.add(at(static_cast<int>(i), {i < 5 ? 0U : 9000U, 0U}));
    idle.add(at(static_cast<int>(i), {i, 0U}));
  }
  EXPECT_FALSE(even.lopsided());
  EXPECT_FALSE(twice_at_once.lopsided()) << "one interval is too short a stretch";
  EXPECT_FALSE(idle.lopsided()) << "too few messages per interval for an uneven share to count";
}

TEST(Series, KeepsEverySecondSampleWhenThereAreTooMany) {
  Series series{1s};
  for (int second = 0; second < 3000; ++second) series.add(at(second, {0}));
  EXPECT_LT(series.samples().size(), Series::most_samples);
  EXPECT_GE(series.samples().size(), Series::most_samples / 4);
  EXPECT_EQ(series.samples().front().at, 0s);
  const auto step = series.samples()[1].at - series.samples()[0].at;
  for (std::size_t i = 1; i < series.samples().size(); ++i) {
    EXPECT_EQ(series.samples()[i].at - series.samples()[i - 1].at, step) << i;
  }
}

TEST(Series, HasOneLinePerInterval) {
  const Series::Sample before{10s, {{0, 0, 100, 0, 1s}, {0, 0, 0, 0, 0s}}};
  const Series::Sample after{12s, {{7, 7, 300, 0, 2s}, {3, 3, 50, 0, std::nullopt}}};
  EXPECT_EQ(line_of(before, after),
            "[12.0 s] 10 open, 125 messages/s |  0: 7 open, 100/s, 50 %  1: 3 open, 25/s, -\n");
}

TEST(Balance, IsZeroForEvenLoadsAndReturnsTheLargestShare) {
  const std::vector<double> even{5, 5, 5};
  EXPECT_DOUBLE_EQ(balance_of(even)->cv, 0);
  EXPECT_DOUBLE_EQ(balance_of(even)->max_over_mean, 1);
  const std::vector<double> one_does_all{12, 0, 0};
  EXPECT_DOUBLE_EQ(balance_of(one_does_all)->max_over_mean, 3);
  EXPECT_NEAR(balance_of(one_does_all)->cv, 1.4142, 0.0001);
}

TEST(Balance, IsUnknownForOneWorkerOrWithoutLoad) {
  EXPECT_FALSE(balance_of(std::vector<double>{5}));
  EXPECT_FALSE(balance_of(std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace server
