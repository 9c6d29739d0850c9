// One message each second on each connection: on a scripted table, and on the loop of the client,
// whose drain shows whether the connections are complete.
#include "tests/client/each_second.hpp"

#include <numeric>

#include "tests/client/loop_group_fixture.hpp"
#include "tests/client/scripted_table.hpp"

namespace client {
namespace {

using fixtures::measured_until;
using fixtures::ScriptedTable;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(EachSecond, SendsOneMessageOnEachConnectionWhenTheSecondBegins) {
  ScriptedTable table{3};
  table.establish_all();
  EachSecond traffic{table, measured_until(seconds{10})};
  table.run(traffic);
  EXPECT_EQ(traffic.step(), Nanoseconds{seconds{1}}) << "the first messages are due at once";
  EXPECT_EQ(table.flushed, (std::vector<std::uint32_t>{0, 1, 2}));
  for (std::uint32_t i = 0; i < 3; ++i) table.answer(i);
  EXPECT_EQ(table.in_flight(), 0U) << "an echo brings no further message";
  table.set_clock(milliseconds{999});
  EXPECT_EQ(traffic.step(), Nanoseconds{seconds{1}});
  EXPECT_EQ(table.in_flight(), 0U);
  table.set_clock(seconds{1});
  EXPECT_EQ(traffic.step(), Nanoseconds{seconds{2}});
  EXPECT_EQ(table.tally().measured.sent, 6U);
}

TEST(EachSecond, PollsBetweenTwoBatches) {
  ScriptedTable table{100};
  table.establish_all();
  EachSecond traffic{table, measured_until(seconds{10})};
  table.run(traffic);
  EXPECT_LE(traffic.step().value(), table.at());
  EXPECT_EQ(table.flushed.size(), 64U);
  EXPECT_EQ(traffic.step(), Nanoseconds{seconds{1}});
  std::vector<std::uint32_t> all(100);
  std::iota(all.begin(), all.end(), 0U);
  EXPECT_EQ(table.flushed, all);
}

TEST(EachSecond, AMessageWhoseConnectionIsBusyIsSentWithTheEchoAndCountsFromItsDueTime) {
  ScriptedTable table{2};
  table.establish_all();
  EachSecond traffic{table, measured_until(seconds{10})};
  table.run(traffic);
  traffic.step();
  table.answer(1);
  table.set_clock(milliseconds{1'500});
  EXPECT_EQ(traffic.step(), Nanoseconds{seconds{2}});
  EXPECT_EQ(table[0].begun, 1U) << "its second message waits";
  EXPECT_EQ(table[1].begun, 2U);
  table.answer(0);
  EXPECT_EQ(table[0].begun, 2U);
  table.set_clock(milliseconds{1'600});
  table.answer(0);
  EXPECT_EQ(table[0].in_flight(), 0U);
  const Echoes& measured = table.tally().measured;
  EXPECT_EQ(measured.late, 2U) << "one waited for an echo, one for this client";
  EXPECT_EQ(measured.latency.count(), 3U);
  EXPECT_EQ(measured.latency.max(), 1'500'000'000U);
  EXPECT_EQ(table.tally().lateness.max(), 500'000'000U);
  EXPECT_EQ(table.tally().wire.count(), 3U);
}

TEST(EachSecond, EndsWithItsTimeAndTheLastEcho) {
  ScriptedTable table{1};
  table.establish_all();
  EachSecond traffic{table, measured_until(milliseconds{1'500})};
  table.run(traffic);
  traffic.step();
  table.answer(0);
  table.set_clock(seconds{1});
  EXPECT_EQ(traffic.step(), Nanoseconds{milliseconds{1'500}}) << "not the third message";
  table.set_clock(seconds{2});
  EXPECT_EQ(traffic.step(), never) << "one is in flight";
  table.answer(0);
  EXPECT_EQ(traffic.step(), std::nullopt);
  traffic.finish();
  EXPECT_TRUE(table[0].complete) << "its peer may end it now";
  EXPECT_EQ(table.tally().measured.verified, 2U);
  EXPECT_EQ(table.tally().measured.unsent, 0U);
}

TEST(EachSecond, MessagesOfAnEndedConnectionAreUnsent) {
  ScriptedTable table{2};
  table.establish_all();
  EachSecond traffic{table, measured_until(seconds{3})};
  table.run(traffic);
  traffic.step();
  table.end(1, {Outcome::reset, Phase::echo, 0});
  for (int second = 1; second <= 2; ++second) {
    table.answer(0);
    table.set_clock(seconds{second});
    traffic.step();
  }
  table.answer(0);
  table.set_clock(seconds{3});
  EXPECT_EQ(traffic.step(), std::nullopt);
  traffic.finish();
  EXPECT_EQ(table.tally().measured.sent, 4U);
  EXPECT_EQ(table.tally().measured.unsent, 2U) << "those due at 1 s and at 2 s";
}

TEST(EachSecond, BeginsNothingOnceTheRunIsStopped) {
  ScriptedTable table{1};
  table.establish_all();
  EachSecond traffic{table, measured_until(seconds{10})};
  table.run(traffic);
  traffic.step();
  table.set_clock(milliseconds{1'200});
  traffic.step();  // the second message waits
  table.interrupt();
  traffic.on_stop();
  table.answer(0);
  EXPECT_EQ(table[0].begun, 1U);
  traffic.finish();
  EXPECT_EQ(table.tally().measured.unsent, 1U);
  EXPECT_TRUE(table[0].complete);
}

class EachSecondOnALoop : public fixtures::LoopGroupTest {};

// A traffic that leaves its connections incomplete passes on a scripted table: there, no peer sends
// FIN.
TEST_F(EachSecondOnALoop, LeavesConnectionsThatCountAsServed) {
  LoopGroup& group = standing(5, 1);
  group.run([](Loop& loop, unsigned) {
    const Nanoseconds start = now();
    EachSecond traffic{
        loop.table(),
        {.start = start, .measure_from = start, .stop_at = start + milliseconds{300}}};
    loop.run(traffic);
  });
  const Tally tally = ended();
  EXPECT_EQ(tally.count(Outcome::served), 5U);
  EXPECT_EQ(tally.measured.verified, 5U);
}

}  // namespace
}  // namespace client
