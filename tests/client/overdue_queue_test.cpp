// Due messages that wait to be sent: first in, first out, separately per connection.
#include "client/connection/overdue_queue.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace client {
namespace {

using std::chrono::nanoseconds;

TEST(OverdueQueue, KeepsTheOrderPerConnection) {
  OverdueQueue queue;
  Connection first, second;
  for (int i = 0; i < 4; ++i) queue.push(i % 2 == 0 ? first : second, nanoseconds{i});
  EXPECT_EQ(queue.waiting(), 4U);
  EXPECT_EQ(queue.pop(first), nanoseconds{0});
  EXPECT_EQ(queue.pop(second), nanoseconds{1});
  EXPECT_EQ(queue.pop(second), nanoseconds{3});
  EXPECT_FALSE(second.waits());
  EXPECT_TRUE(first.waits());
  EXPECT_EQ(queue.pop(first), nanoseconds{2});
  EXPECT_EQ(queue.waiting(), 0U);
}

TEST(OverdueQueue, CanBeFilledAgainAfterAConnectionWasEmptied) {
  OverdueQueue queue;
  Connection connection;
  for (int round = 0; round < 3; ++round) {
    queue.push(connection, nanoseconds{round});
    queue.push(connection, nanoseconds{round + 10});
    EXPECT_EQ(queue.pop(connection), nanoseconds{round});
    EXPECT_EQ(queue.pop(connection), nanoseconds{round + 10});
    EXPECT_FALSE(connection.waits());
  }
}

TEST(OverdueQueue, AbandonsOneConnectionAndKeepsTheOthers) {
  OverdueQueue queue;
  Connection gone, there;
  queue.push(gone, nanoseconds{1});
  queue.push(there, nanoseconds{2});
  queue.push(gone, nanoseconds{3});
  queue.abandon(gone);
  queue.push_abandoned(nanoseconds{4});
  EXPECT_FALSE(gone.waits());
  EXPECT_EQ(queue.waiting(), 1U) << "abandoned messages do not wait";
  EXPECT_EQ(queue.take_abandoned(), (std::vector{nanoseconds{1}, nanoseconds{3}, nanoseconds{4}}));
  EXPECT_TRUE(queue.take_abandoned().empty()) << "each is returned once";
  EXPECT_EQ(queue.pop(there), nanoseconds{2});
}

TEST(OverdueQueue, AbandonsNothingOfAConnectionThatDoesNotWait) {
  OverdueQueue queue;
  Connection connection;
  queue.abandon(connection);
  EXPECT_TRUE(queue.take_abandoned().empty());
}

TEST(OverdueQueue, AgreesWithASimpleQueueForRandomOperations) {
  OverdueQueue queue;
  std::vector<Connection> connections(10);
  std::vector<std::deque<nanoseconds>> model(connections.size());
  std::vector<nanoseconds> abandoned;
  std::minstd_rand random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::size_t which = random() % connections.size();
    const auto what = random() % 100;
    if (what == 0) {
      queue.abandon(connections[which]);
      abandoned.insert(abandoned.end(), model[which].begin(), model[which].end());
      model[which].clear();
    } else if (what < 50 || model[which].empty()) {
      queue.push(connections[which], nanoseconds{i});
      model[which].emplace_back(i);
    } else {
      ASSERT_EQ(queue.pop(connections[which]), model[which].front()) << "step " << i;
      model[which].pop_front();
    }
    ASSERT_EQ(connections[which].waits(), !model[which].empty()) << "step " << i;
  }
  std::uint64_t waiting = 0;
  for (const auto& each : model) waiting += each.size();
  EXPECT_EQ(queue.waiting(), waiting);
  EXPECT_EQ(queue.take_abandoned(), abandoned);
}

}  // namespace
}  // namespace client
