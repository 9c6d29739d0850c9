// The closed loop on a scripted table: the next message waits for an echo.
#include "client/activity/closed_loop.hpp"

#include "tests/client/scripted_table.hpp"

namespace client {
namespace {

using fixtures::measured_until;
using fixtures::ScriptedTable;
using std::chrono::milliseconds;

TEST(ClosedLoop, BeginsWithOneMessageOnEachConnectionAndKeepsDepthInFlight) {
  for (const std::uint32_t depth : {1U, 3U}) {
    ScriptedTable table{5, depth};
    table.establish_all();
    ClosedLoop loop{table, measured_until(never)};
    table.run(loop);
    EXPECT_EQ(loop.step(), table.at()) << "polls after its first batch";
    EXPECT_EQ(table.flushed, (std::vector<std::uint32_t>{0, 1, 2, 3, 4}))
        << "in the order in which they were opened";
    EXPECT_EQ(table.in_flight(), 5 * depth);
    EXPECT_EQ(loop.step(), never) << "then it waits for echoes";
    table.answer(2);
    EXPECT_EQ(table[2].in_flight(), depth);
    EXPECT_EQ(table.flushed.back(), 2U);
    EXPECT_EQ(table[1].begun, depth) << "an echo continues its own connection only";
  }
}

TEST(ClosedLoop, EndsWithItsMessages) {
  ScriptedTable table{2};
  table.establish_all();
  Traffic traffic = measured_until(never);
  traffic.messages = 3;
  ClosedLoop loop{table, traffic};
  table.run(loop);
  loop.step();
  for (int i = 0; i < 3; ++i) table.answer(0);
  EXPECT_TRUE(table[0].complete);
  EXPECT_FALSE(table[1].complete);
  EXPECT_EQ(loop.step(), never) << "the other one has one in flight";
  for (int i = 0; i < 3; ++i) table.answer(1);
  EXPECT_EQ(loop.step(), std::nullopt);
  loop.finish();
  EXPECT_EQ(table.tally().measured.verified, 6U);
  EXPECT_EQ(table.tally().measured.sent, 6U);
}

TEST(ClosedLoop, BeginsNothingAfterItsEndAndWaitsForWhatIsInFlight) {
  ScriptedTable table{2};
  table.establish_all();
  ClosedLoop loop{table, measured_until(milliseconds{10})};
  table.run(loop);
  loop.step();
  table.set_clock(milliseconds{11});
  table.answer(0);
  EXPECT_EQ(table[0].begun, 1U);
  EXPECT_EQ(loop.step(), never);
  table.answer(1);
  EXPECT_EQ(loop.step(), std::nullopt);
  loop.finish();
  EXPECT_TRUE(table[0].complete && table[1].complete);
}

TEST(ClosedLoop, SendsTheFirstMessageEvenIfTheTimeIsOver) {
  ScriptedTable table{1};
  table.establish_all();
  ClosedLoop loop{table, measured_until(milliseconds{10})};
  table.run(loop);
  table.set_clock(milliseconds{20});
  loop.step();
  EXPECT_EQ(table[0].begun, 1U);
}

TEST(ClosedLoop, BeginsNothingOnceTheRunIsStopped) {
  ScriptedTable table{1};
  table.establish_all();
  ClosedLoop loop{table, measured_until(never)};
  table.run(loop);
  loop.step();
  table.interrupt();
  table.answer(0);
  EXPECT_EQ(table[0].begun, 1U);
}

TEST(ClosedLoop, SkipsConnectionsThatEndedBeforeTheirFirstMessage) {
  ScriptedTable table{3};
  table.establish_all();
  ClosedLoop loop{table, measured_until(never)};
  table.run(loop);
  table.end(1, {Outcome::reset, Phase::echo, 0});
  loop.step();
  EXPECT_EQ(table.flushed, (std::vector<std::uint32_t>{0, 2}));
}

TEST(ClosedLoop, HalfClosesBehindTheLastMessage) {
  ScriptedTable table{1};
  table.establish_all();
  Traffic traffic = measured_until(never);
  traffic.messages = 2;
  traffic.half_close = true;
  ClosedLoop loop{table, traffic};
  table.run(loop);
  loop.step();
  EXPECT_TRUE(table.fins.empty());
  table.answer(0);
  EXPECT_EQ(table.fins, (std::vector<std::uint32_t>{0})) << "behind it, before its echo";
}

TEST(ClosedLoop, CountsMessagesByThePhaseInWhichTheyWereDue) {
  ScriptedTable table{1};
  table.establish_all();
  std::vector<Edge> edges;
  Traffic traffic{.start = Nanoseconds{0},
                  .measure_from = milliseconds{5},
                  .stop_at = milliseconds{20},
                  .at_edge = [&edges](Edge edge) { edges.push_back(edge); }};
  ClosedLoop loop{table, traffic};
  table.run(loop);
  loop.step();
  table.set_next_tick(milliseconds{6});
  table.tick();
  EXPECT_EQ(edges, (std::vector{Edge::opens}));
  table.answer(0);  // due at 0, in the warm-up; arrived in the measured phase
  table.set_next_tick(milliseconds{21});
  table.tick();
  table.answer(0);
  EXPECT_EQ(edges, (std::vector{Edge::opens, Edge::closes}));
  loop.finish();
  EXPECT_EQ(table.tally().warm_up->verified, 1U);
  EXPECT_EQ(table.tally().measured.verified, 1U);
  EXPECT_EQ(table.tally().echoes_within, 1U) << "by arrival, not by due time";
}

}  // namespace
}  // namespace client
