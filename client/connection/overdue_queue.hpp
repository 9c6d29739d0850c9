// Messages that are due but must wait, because their connection already has `depth` in flight. An
// open loop keeps their due times, so that the time a stalled server delays them counts as latency.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "client/connection/connection.hpp"

namespace client {

/// One queue of due times per connection, as linked lists in one pool. It uses no memory until a
/// message waits, and reuses its nodes.
class OverdueQueue {
 public:
  void push(Connection& connection, std::chrono::nanoseconds due);
  /// Removes and returns the oldest due time of `connection`. Precondition: connection.waits().
  std::chrono::nanoseconds pop(Connection& connection);
  /// Moves all messages of `connection` to the abandoned ones: they will never be sent.
  void abandon(Connection& connection);
  /// Adds a message that became due on a connection that has ended.
  void push_abandoned(std::chrono::nanoseconds due) { abandoned_.push_back(due); }

  /// Number of messages that wait, over all connections.
  [[nodiscard]] std::uint64_t waiting() const { return waiting_; }
  /// Due times of the messages that will never be sent. Returns each of them once.
  std::vector<std::chrono::nanoseconds> take_abandoned();

 private:
  struct Node {
    std::chrono::nanoseconds due{};
    std::uint32_t next = Connection::none;
  };
  std::vector<Node> nodes_;
  std::uint32_t free_ = Connection::none;
  std::uint64_t waiting_ = 0;
  std::vector<std::chrono::nanoseconds> abandoned_;
};

}  // namespace client
