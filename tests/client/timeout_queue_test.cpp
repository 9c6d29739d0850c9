// The queue of equal waits: first in, first to expire, and leaving from anywhere.
#include "client/timeout_queue.hpp"

#include <gtest/gtest.h>

namespace client {
namespace {

using Indices = std::vector<std::uint32_t>;

class TimeoutQueueTest : public ::testing::Test {
 protected:
  Indices emptied(TimeoutQueue& queue) {
    Indices order;
    while (!queue.empty()) {
      order.push_back(queue.oldest());
      queue.remove(queue.oldest());
    }
    return order;
  }
  std::vector<Session> sessions_{6};
  TimeoutQueue queue_{sessions_};
};

TEST_F(TimeoutQueueTest, IsEmptyAtFirst) {
  EXPECT_TRUE(queue_.empty());
  EXPECT_EQ(queue_.oldest(), Session::none);
}

TEST_F(TimeoutQueueTest, KeepsTheOrderOfArrival) {
  for (const std::uint32_t index : {3U, 0U, 5U, 1U}) queue_.push(index);
  EXPECT_EQ(emptied(queue_), (Indices{3, 0, 5, 1}));
}

TEST_F(TimeoutQueueTest, LetsEachPlaceLeave) {
  struct Row {
    std::uint32_t leaves;
    Indices rest;
  };
  for (const Row& row :
       {Row{0, {1, 2, 3}}, Row{1, {0, 2, 3}}, Row{2, {0, 1, 3}}, Row{3, {0, 1, 2}}}) {
    for (const std::uint32_t index : {0U, 1U, 2U, 3U}) queue_.push(index);
    queue_.remove(row.leaves);
    EXPECT_EQ(emptied(queue_), row.rest) << row.leaves << " left";
  }
}

TEST_F(TimeoutQueueTest, PutsOneThatComesBackAtTheEnd) {
  for (const std::uint32_t index : {0U, 1U, 2U}) queue_.push(index);
  queue_.remove(0);
  queue_.push(0);
  EXPECT_EQ(emptied(queue_), (Indices{1, 2, 0}));
}

TEST_F(TimeoutQueueTest, RemovingWhatIsNotInItDoesNothing) {
  queue_.push(1);
  queue_.remove(4);
  queue_.remove(1);
  queue_.remove(1);
  EXPECT_TRUE(queue_.empty());
  queue_.push(2);
  EXPECT_EQ(emptied(queue_), (Indices{2}));
}

TEST_F(TimeoutQueueTest, TwoQueuesShareTheSessions) {
  TimeoutQueue other{sessions_};
  for (const std::uint32_t index : {0U, 2U, 4U}) queue_.push(index);
  for (const std::uint32_t index : {1U, 3U, 5U}) other.push(index);
  queue_.remove(2);
  other.push(2);
  EXPECT_EQ(emptied(queue_), (Indices{0, 4}));
  EXPECT_EQ(emptied(other), (Indices{1, 3, 5, 2}));
}

}  // namespace
}  // namespace client
