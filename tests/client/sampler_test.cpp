// What is sampled of a traffic for the checks of a run: spread over the measured phase, bounded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/measure/recorder.hpp"

namespace client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

/// A warm-up of 1 s and a measured phase of 1 s, in intervals of 10 ms.
Traffic traffic_with(std::uint64_t every) {
  Traffic traffic;
  traffic.measure_from = seconds{1};
  traffic.stop_at = seconds{2};
  traffic.pace = Pace::evenly(1'000);
  traffic.sampling = {every, 1'000, milliseconds{10}};
  return traffic;
}

/// Sends at `at` what was due then, and has its echo `latency` later.
void exchange(Recorder& recorder, Nanoseconds at, Nanoseconds latency) {
  recorder.advance(at);
  recorder.lateness(at, at);
  recorder.sent(at);
  recorder.advance(at + latency);
  recorder.echoed({at, at}, at + latency, 64);
}

TEST(Sampler, KeepsEachSendAndEchoOfTheMeasuredPhaseWithTheOneBefore) {
  Tally tally;
  Recorder recorder{tally, false};
  recorder.begin(traffic_with(1));
  exchange(recorder, milliseconds{990}, microseconds{1});  // of the warm-up
  exchange(recorder, milliseconds{1'000}, microseconds{10});
  exchange(recorder, milliseconds{1'001}, microseconds{20});
  exchange(recorder, milliseconds{1'003}, microseconds{30});
  const Samples samples = recorder.take_samples();
  EXPECT_DOUBLE_EQ(samples.per_second, 1'000);
  EXPECT_THAT(samples.send_gaps, ElementsAre(1'000'000U, 2'000'000U));
  EXPECT_THAT(samples.latencies, ElementsAre(Pair(10'000U, 20'000U), Pair(20'000U, 30'000U)));
}

TEST(Sampler, CountsMessagesThatWaitedForTheirConnection) {
  Tally tally;
  Recorder recorder{tally, false};
  recorder.begin(traffic_with(1));
  exchange(recorder, milliseconds{1'000}, microseconds{10});
  recorder.waited(milliseconds{1'001}, milliseconds{1'005});
  recorder.waited(milliseconds{1'002}, milliseconds{1'005});
  EXPECT_THAT(recorder.take_samples().send_gaps, ElementsAre(5'000'000U, 0U));
}

TEST(Sampler, KeepsOneInSoManyAndNoMoreThanItsBound) {
  Tally tally;
  Recorder recorder{tally, false};
  Traffic traffic = traffic_with(3);
  traffic.stop_at = never;
  traffic.sampling.interval = never;
  recorder.begin(traffic);
  for (int i = 0; i < 40'000; ++i)
    exchange(recorder, seconds{1} + microseconds{10 * i}, Nanoseconds{i});
  const Samples samples = recorder.take_samples();
  EXPECT_EQ(samples.send_gaps.size(), most_samples);
  EXPECT_THAT(samples.send_gaps, Each(10'000U));
  ASSERT_EQ(samples.latencies.size(), most_samples);
  EXPECT_THAT(samples.latencies[0], Pair(2U, 3U));
  EXPECT_THAT(samples.latencies[1], Pair(5U, 6U));
}

TEST(Sampler, ALongGapIsNoShortOne) {
  Tally tally;
  Recorder recorder{tally, false};
  Traffic traffic = traffic_with(1);
  traffic.stop_at = never;
  recorder.begin(traffic);
  exchange(recorder, seconds{1}, microseconds{10});
  exchange(recorder, seconds{6}, microseconds{10});  // 5 s are 0.7 s modulo 2^32 ns
  EXPECT_THAT(recorder.take_samples().send_gaps, ElementsAre(0xffffffffU));
}

TEST(Sampler, KeepsNothingUnlessAskedTo) {
  Tally tally;
  Recorder recorder{tally, false};
  Traffic traffic = traffic_with(0);
  traffic.sampling.interval = never;
  recorder.begin(traffic);
  for (int i = 0; i < 100; ++i) exchange(recorder, milliseconds{1'000 + i}, microseconds{10});
  const Samples samples = recorder.take_samples();
  EXPECT_THAT(samples.send_gaps, IsEmpty());
  EXPECT_THAT(samples.latencies, IsEmpty());
  EXPECT_THAT(samples.intervals, IsEmpty());
}

TEST(Sampler, EchoesBelongToTheIntervalInWhichTheyArrive) {
  Tally tally;
  Recorder recorder{tally, false};
  recorder.begin(traffic_with(0));
  exchange(recorder, milliseconds{500}, microseconds{7});  // of the warm-up
  exchange(recorder, milliseconds{1'001}, microseconds{10});
  exchange(recorder, milliseconds{1'002}, microseconds{20});
  exchange(recorder, milliseconds{1'015}, microseconds{30});
  recorder.advance(milliseconds{1'045});
  exchange(recorder, milliseconds{1'046}, milliseconds{5});
  recorder.advance(seconds{3});
  const Samples samples = recorder.take_samples();
  ASSERT_EQ(samples.intervals.size(), most_intervals);
  const auto is = [&samples](std::size_t i, std::uint64_t count, std::uint64_t sum) {
    EXPECT_EQ(samples.intervals[i].count, count) << i;
    EXPECT_EQ(samples.intervals[i].sum, sum) << i;
  };
  is(0, 2, 30'000);
  is(1, 1, 30'000);
  is(2, 0, 0);
  is(3, 0, 0);
  is(5, 1, 5'000'000);
  is(99, 0, 0);
}

// The wait of the loop ends at the edges of the phase, and not at each interval.
TEST(Sampler, IntervalsWakeNobodyUp) {
  Tally tally;
  Recorder recorder{tally, false};
  recorder.begin(traffic_with(1));
  EXPECT_EQ(recorder.next_edge(), seconds{1});
  recorder.advance(milliseconds{1'001});
  EXPECT_EQ(recorder.next_edge(), seconds{2});
}

TEST(Sampler, AStopEndsTheIntervals) {
  Tally tally;
  Recorder recorder{tally, false};
  recorder.begin(traffic_with(1));
  exchange(recorder, milliseconds{1'001}, microseconds{10});
  recorder.stop(milliseconds{1'025});
  recorder.advance(seconds{3});
  EXPECT_EQ(recorder.take_samples().intervals.size(), 2U);
}

}  // namespace
}  // namespace client
