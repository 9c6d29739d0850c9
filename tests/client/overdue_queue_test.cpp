// Due messages that wait for a place: first in, first out, each connection by itself.
#include "client/connection/overdue_queue.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace client {
namespace {

using std::chrono::nanoseconds;

TEST(OverdueQueue, KeepsTheOrderOfEachSession) {
  OverdueQueue backlog;
  Connection first, second;
  for (int i = 0; i < 4; ++i) backlog.push(i % 2 == 0 ? first : second, nanoseconds{i});
  EXPECT_EQ(backlog.waiting(), 4U);
  EXPECT_EQ(backlog.pop(first), nanoseconds{0});
  EXPECT_EQ(backlog.pop(second), nanoseconds{1});
  EXPECT_EQ(backlog.pop(second), nanoseconds{3});
  EXPECT_FALSE(second.waits());
  EXPECT_TRUE(first.waits());
  EXPECT_EQ(backlog.pop(first), nanoseconds{2});
  EXPECT_EQ(backlog.waiting(), 0U);
}

TEST(OverdueQueue, OfASessionThatWasEmptiedCanBeFilledAgain) {
  OverdueQueue backlog;
  Connection connection;
  for (int round = 0; round < 3; ++round) {
    backlog.push(connection, nanoseconds{round});
    backlog.push(connection, nanoseconds{round + 10});
    EXPECT_EQ(backlog.pop(connection), nanoseconds{round});
    EXPECT_EQ(backlog.pop(connection), nanoseconds{round + 10});
    EXPECT_FALSE(connection.waits());
  }
}

TEST(OverdueQueue, OfOneSessionIsAbandonedAndTheOthersStay) {
  OverdueQueue backlog;
  Connection gone, there;
  backlog.push(gone, nanoseconds{1});
  backlog.push(there, nanoseconds{2});
  backlog.push(gone, nanoseconds{3});
  backlog.abandon(gone);
  backlog.push_abandoned(nanoseconds{4});
  EXPECT_FALSE(gone.waits());
  EXPECT_EQ(backlog.waiting(), 1U) << "the abandoned wait for nobody";
  EXPECT_EQ(backlog.take_abandoned(),
            (std::vector{nanoseconds{1}, nanoseconds{3}, nanoseconds{4}}));
  EXPECT_TRUE(backlog.take_abandoned().empty()) << "taken once";
  EXPECT_EQ(backlog.pop(there), nanoseconds{2});
}

TEST(OverdueQueue, AbandonsNothingOfASessionThatDoesNotWait) {
  OverdueQueue backlog;
  Connection connection;
  backlog.abandon(connection);
  EXPECT_TRUE(backlog.take_abandoned().empty());
}

TEST(OverdueQueue, AgreesWithASimpleQueueThroughAnyMixture) {
  OverdueQueue backlog;
  std::vector<Connection> connections(10);
  std::vector<std::deque<nanoseconds>> model(connections.size());
  std::vector<nanoseconds> abandoned;
  std::minstd_rand random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t which = random() % connections.size();
    const auto what = random() % 100;
    if (what == 0) {
      backlog.abandon(connections[which]);
      abandoned.insert(abandoned.end(), model[which].begin(), model[which].end());
      model[which].clear();
    } else if (what < 50 || model[which].empty()) {
      backlog.push(connections[which], nanoseconds{i});
      model[which].emplace_back(i);
    } else {
      ASSERT_EQ(backlog.pop(connections[which]), model[which].front()) << "step " << i;
      model[which].pop_front();
    }
    ASSERT_EQ(connections[which].waits(), !model[which].empty()) << "step " << i;
  }
  std::uint64_t waiting = 0;
  for (const auto& queue : model) waiting += queue.size();
  EXPECT_EQ(backlog.waiting(), waiting);
  EXPECT_EQ(backlog.take_abandoned(), abandoned);
}

}  // namespace
}  // namespace client
