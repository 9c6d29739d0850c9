// Connecting, churn, idle and drain on a scripted table.
#include "client/activity/connecting.hpp"

#include "client/activity/churn.hpp"
#include "client/activity/drain.hpp"
#include "client/activity/idle.hpp"
#include "tests/client/scripted_table.hpp"

namespace client {
namespace {

using fixtures::measured_until;
using fixtures::ScriptedTable;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Connecting, OpensItsShareUnderItsNumbersAndEndsWhenAllAreDecided) {
  ScriptedTable table{6};
  Connecting connecting{table, 1, 3, std::nullopt};
  table.run(connecting);
  EXPECT_EQ(connecting.step(), table.at()) << "polls after a batch";
  connecting.step();
  EXPECT_EQ(table.opened, (std::vector<std::uint32_t>{1, 4, 7, 10, 13, 16}));
  for (std::uint32_t i = 0; i < 5; ++i) table.establish(i);
  EXPECT_EQ(connecting.step(), never) << "one connect is not decided";
  table.fail_connect(5, Outcome::refused);
  EXPECT_EQ(connecting.step(), std::nullopt);
}

TEST(Connecting, CountsTheConnectionThatWasOpenedAlone) {
  ScriptedTable table{2};
  table.open(0, 0);
  table.establish(0);
  Connecting connecting{table, 0, 1, std::nullopt};
  table.run(connecting);
  connecting.step();
  EXPECT_EQ(table.opened, (std::vector<std::uint32_t>{0, 1})) << "opened once";
  table.establish(1);
  EXPECT_EQ(connecting.step(), std::nullopt);
}

TEST(Connecting, FollowsItsPace) {
  ScriptedTable table{10};
  Connecting connecting{table, 0, 1, Pace::evenly(1'000)};
  table.run(connecting);
  EXPECT_EQ(connecting.step(), Nanoseconds{milliseconds{1}});
  EXPECT_EQ(table.opened.size(), 1U);
  table.set_clock(milliseconds{2});
  EXPECT_EQ(connecting.step(), Nanoseconds{milliseconds{3}});
  EXPECT_EQ(table.opened.size(), 3U);
}

TEST(Connecting, OpensNoMoreOnceThereAreEnough) {
  ScriptedTable table{10};
  std::atomic<bool> enough{false};
  Connecting connecting{table, 0, 1, std::nullopt, &enough};
  table.run(connecting);
  connecting.step();
  EXPECT_EQ(table.opened.size(), connect_batch);
  enough = true;
  EXPECT_EQ(connecting.step(), never) << "four connects are not decided";
  EXPECT_EQ(table.opened.size(), connect_batch);
  for (std::uint32_t i = 0; i < connect_batch; ++i) table.establish(i);
  EXPECT_EQ(connecting.step(), std::nullopt);
  connecting.finish();
  for (std::uint32_t i = 0; i < 10; ++i) {
    EXPECT_EQ(table[i].state, i < connect_batch ? State::standing : State::ended) << i;
  }
  EXPECT_EQ(table.tally().count(Outcome::not_attempted), 10 - connect_batch);
}

TEST(Connecting, DoesNotTryTheRestIfTheWholeFirstWindowTimesOut) {
  ScriptedTable table{1'000};
  Connecting connecting{table, 0, 1, std::nullopt};
  table.run(connecting);
  for (int i = 0; i < 1'000 && connecting.step() != never; ++i) {
  }
  const auto window = static_cast<std::uint32_t>(table.opened.size());
  EXPECT_EQ(window, Ramp::first_window);
  for (std::uint32_t i = 0; i < window; ++i) table.fail_connect(i, Outcome::connect_timeout);
  EXPECT_EQ(connecting.step(), std::nullopt);
  connecting.finish();
  EXPECT_EQ(table.tally().count(Outcome::not_attempted), 1'000 - window);
}

Traffic churn_of(std::uint32_t messages, Nanoseconds stop_at) {
  Traffic traffic = measured_until(stop_at);
  traffic.messages = messages;
  return traffic;
}

TEST(ChurnActivity, OpensTheNextConnectionInTheEntryOfAnEndedOne) {
  ScriptedTable table{2};
  Churn churn{table, churn_of(2, milliseconds{10}), 0, 1, std::nullopt};
  table.run(churn);
  churn.step();
  EXPECT_EQ(table.opened, (std::vector<std::uint32_t>{0, 1}));
  table.establish(0);
  table.establish(1);
  table.answer(0);
  EXPECT_EQ(table[0].begun, 2U) << "its second message";
  table.answer(0);
  EXPECT_EQ(table[0].state, State::ended) << "closed with its last echo";
  churn.step();
  EXPECT_EQ(table.opened, (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(table[0].number, 2U);
}

TEST(ChurnActivity, EndsEachConnectionWithTheEchoesThatItHasWhenTheTimeIsOver) {
  ScriptedTable table{1};
  Churn churn{table, churn_of(5, milliseconds{10}), 0, 1, std::nullopt};
  table.run(churn);
  churn.step();
  table.establish(0);
  table.set_clock(milliseconds{11});
  EXPECT_EQ(churn.step(), never);
  table.answer(0);
  EXPECT_EQ(table[0].state, State::ended);
  EXPECT_EQ(churn.step(), std::nullopt);
  EXPECT_EQ(table.tally().count(Outcome::served), 1U);
}

// Bug: entries that were never used were ended with the run, and counted without having been
// requested.
TEST(ChurnActivity, LeavesUnusedEntriesUncounted) {
  ScriptedTable table{5};
  Churn churn{table, churn_of(1, seconds{1}), 0, 1, std::nullopt};
  for (std::uint32_t i = 0; i < table.size(); ++i) EXPECT_EQ(table[i].state, State::ended);
  EXPECT_EQ(table.tally().total, 0U);
}

TEST(ChurnActivity, PausesAfterAFailedConnectAndProbesAServerThatWorkedBefore) {
  ScriptedTable table{1};
  Churn churn{table, churn_of(1, seconds{1}), 0, 1, std::nullopt};
  table.run(churn);
  churn.step();
  table.fail_connect(0, Outcome::refused);
  EXPECT_EQ(table.probes, 0) << "it never worked: refused is the answer";
  EXPECT_EQ(churn.step(), Nanoseconds{milliseconds{10}});
  EXPECT_EQ(table.opened.size(), 1U);
  table.set_clock(milliseconds{10});
  churn.step();
  EXPECT_EQ(table.opened.size(), 2U);
  table.establish(0);
  table.answer(0);
  churn.step();
  table.server_is_gone = true;
  table.fail_connect(0, Outcome::refused);
  EXPECT_EQ(table.probes, 1);
  EXPECT_EQ(table.stop_reason(), StopReason::server_lost);
}

TEST(IdleActivity, KeepsAllOpenUntilItsTimeAndForbidsPeersToEnd) {
  ScriptedTable table{2};
  table.establish_all();
  table[0].complete = true;
  Idle idle{table, Phase::idle, seconds{5}, false, Idle::WithoutConnections::is_over};
  EXPECT_EQ(idle.step(), Nanoseconds{seconds{5}});
  EXPECT_FALSE(idle.may_end(table[0]));
  const Idle half_closed{table, Phase::idle, seconds{5}, true, Idle::WithoutConnections::is_over};
  EXPECT_TRUE(half_closed.may_end(table[0]));
  table.set_clock(seconds{5});
  EXPECT_EQ(idle.step(), std::nullopt);
}

TEST(IdleActivity, WithoutConnectionsIsOverAsAPhaseAndGoesOnUntilTheEndOfTheServerIsKnown) {
  ScriptedTable table{1};
  table.establish_all();
  table.end(0, {Outcome::reset, Phase::echo, 0});
  using Without = Idle::WithoutConnections;
  EXPECT_EQ(Idle(table, Phase::idle, seconds{5}, false, Without::is_over).step(), std::nullopt);
  Idle settle{table, Phase::echo, milliseconds{100}, true, Without::goes_on};
  EXPECT_EQ(settle.step(), Nanoseconds{milliseconds{100}});
  EXPECT_EQ(settle.phase(), Phase::echo);
  table.set_clock(milliseconds{100});
  EXPECT_EQ(settle.step(), std::nullopt);
}

TEST(DrainActivity, HalfClosesInBatchesAndServesWhatThePeersEndOrLeaveQuiet) {
  ScriptedTable table{100};
  table.establish_all();
  Drain drain{table, seconds{10}, false};
  table.run(drain);
  EXPECT_EQ(drain.step(), table.at()) << "polls between two batches";
  EXPECT_EQ(table.fins.size(), 64U);
  EXPECT_EQ(drain.step(), Nanoseconds{milliseconds{500}});
  EXPECT_EQ(table.fins.size(), 100U);
  table.set_clock(milliseconds{500});
  EXPECT_EQ(drain.step(), std::nullopt) << "quiet for half a second";
  drain.finish();
  EXPECT_EQ(table.tally().count(Outcome::served), 100U);
}

TEST(DrainActivity, OfAStoppedRunEndsByItsHardEnd) {
  ScriptedTable table{1};
  table.establish_all();
  table.interrupt();
  Drain drain{table, milliseconds{100}, false};
  table.run(drain);
  EXPECT_EQ(drain.step(), Nanoseconds{milliseconds{100}});
  table.set_clock(milliseconds{100});
  EXPECT_EQ(drain.step(), std::nullopt);
}

TEST(DrainActivity, IsForcedByASecondSignalAndNeedsNoWaitToReset) {
  ScriptedTable table{2};
  table.establish_all();
  Drain drain{table, seconds{10}, false};
  table.run(drain);
  drain.step();
  table.force();
  EXPECT_EQ(drain.step(), std::nullopt);

  ScriptedTable other{2};
  other.establish_all();
  Drain reset{other, seconds{10}, true};
  other.run(reset);
  EXPECT_EQ(reset.step(), std::nullopt);
  EXPECT_EQ(other.tally().count(Outcome::served), 2U);
}

}  // namespace
}  // namespace client
