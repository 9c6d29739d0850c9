// The open loop on a scripted table: messages are due by the schedule, whatever the server does.
#include "client/activity/open_loop.hpp"
#include "tests/client/scripted_table.hpp"

namespace client {
namespace {

using fixtures::measured_until;
using fixtures::ScriptedTable;
using std::chrono::milliseconds;

/// One message per millisecond until `stop_at`; the first is due at 0.
Traffic each_millisecond(Nanoseconds stop_at) {
  Traffic traffic = measured_until(stop_at);
  traffic.pace = Pace::evenly(1'000);
  return traffic;
}

TEST(OpenLoopActivity, SendsEachMessageWhenItIsDueRoundRobin) {
  ScriptedTable table{3};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{100})};
  table.run(loop);
  EXPECT_EQ(loop.step(), Nanoseconds{milliseconds{1}}) << "until the second one is due";
  EXPECT_EQ(table.flushed, (std::vector<std::uint32_t>{0}));
  table.set_clock(milliseconds{2});
  EXPECT_EQ(loop.step(), Nanoseconds{milliseconds{3}});
  EXPECT_EQ(table.flushed, (std::vector<std::uint32_t>{0, 1, 2}));
}

TEST(OpenLoopActivity, AMessageWhoseConnectionIsBusyWaitsAndIsChargedFromItsDueTime) {
  ScriptedTable table{1};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{100})};
  table.run(loop);
  loop.step();
  table.set_clock(milliseconds{2});
  loop.step();
  EXPECT_EQ(table[0].begun, 1U) << "two more are due, and wait";
  table.set_clock(milliseconds{10});
  table.answer(0);
  EXPECT_EQ(table[0].begun, 2U);
  table.set_clock(milliseconds{11});
  table.answer(0);
  EXPECT_EQ(table.tally().measured.late, 2U);
  EXPECT_EQ(table.tally().measured.latency.max(), 10'000'000U);
  EXPECT_EQ(table.tally().measured.latency.count(), 2U) << "due at 0 and at 1 ms: 10 ms each";
}

TEST(OpenLoopActivity, MessagesThatWereNeverSentAreUnsentAndCensored) {
  ScriptedTable table{1};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{10})};
  table.run(loop);
  loop.step();
  table.set_clock(milliseconds{4});
  loop.step();  // those due at 1 to 4 ms wait
  table.set_clock(milliseconds{12});
  EXPECT_EQ(loop.step(), never) << "the time is over; one is in flight";
  table.answer(0);
  EXPECT_EQ(loop.step(), std::nullopt);
  loop.finish();
  const Echoes& measured = table.tally().measured;
  EXPECT_EQ(measured.sent, 1U);
  EXPECT_EQ(measured.unsent, 9U) << "four that waited, five that the client did not reach";
  EXPECT_EQ(measured.latency.count(), 10U);
  EXPECT_EQ(measured.latency.censored(), 9U);
}

TEST(OpenLoopActivity, MessagesOfAnEndedConnectionAreUnsent) {
  ScriptedTable table{2};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{6})};
  table.run(loop);
  loop.step();
  table.end(1, {Outcome::reset, Phase::echo, 0});
  table.set_clock(milliseconds{3});
  loop.step();
  table.set_clock(milliseconds{6});
  table.answer(0);
  EXPECT_EQ(loop.step(), std::nullopt);
  loop.finish();
  EXPECT_EQ(table.tally().measured.unsent, 5U);
}

TEST(OpenLoopActivity, RecordsHowLateTheClientSent) {
  ScriptedTable table{2};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{100})};
  table.run(loop);
  table.set_clock(milliseconds{3});
  loop.step();
  EXPECT_EQ(table.tally().lateness.count(), 2U) << "the other two waited for their connections";
  EXPECT_EQ(table.tally().lateness.max(), 3'000'000U);
}

TEST(OpenLoopActivity, EndsWhenNoConnectionIsLeft) {
  ScriptedTable table{1};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{100})};
  table.run(loop);
  loop.step();
  table.end(0, {Outcome::reset, Phase::echo, 0});
  EXPECT_EQ(loop.step(), std::nullopt);
}

TEST(OpenLoopActivity, AConnectionThatNoMessageReachedIsNotAttempted) {
  ScriptedTable table{3};
  table.establish_all();
  OpenLoop loop{table, each_millisecond(milliseconds{1})};
  table.run(loop);
  loop.step();
  table.set_clock(milliseconds{2});
  table.answer(0);
  EXPECT_EQ(loop.step(), std::nullopt);
  loop.finish();
  EXPECT_EQ(table.tally().count(Outcome::not_attempted), 2U);
  EXPECT_TRUE(table[0].complete);
}

}  // namespace
}  // namespace client
