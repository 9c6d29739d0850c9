// Messages that are due on a connection which has no place for them yet: its earlier ones are still
// in flight. An open loop keeps their due times, so that a stalled server is charged for them.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "client/connection/connection.hpp"

namespace client {

/// A queue of due times for each connection, threaded through one pool: no memory while nothing
/// waits, and none is given back and asked for again.
class OverdueQueue {
 public:
  void push(Connection& connection, std::chrono::nanoseconds due);
  /// The longest waiting; there must be one.
  std::chrono::nanoseconds pop(Connection& connection);
  /// The connection will not take its messages any more: they are never sent.
  void abandon(Connection& connection);
  /// A message of a connection that has ended.
  void push_abandoned(std::chrono::nanoseconds due) { abandoned_.push_back(due); }

  /// How many still wait for their connection.
  [[nodiscard]] std::uint64_t waiting() const { return waiting_; }
  /// Those that nobody will send; forgotten with this call.
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
