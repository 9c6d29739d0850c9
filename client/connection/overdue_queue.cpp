#include "client/connection/overdue_queue.hpp"

#include <utility>

namespace client {

void OverdueQueue::push(Connection& connection, std::chrono::nanoseconds due) {
  std::uint32_t node = free_;
  if (node == Connection::none) {
    node = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[node].next;
  }
  nodes_[node] = {due, Connection::none};
  (connection.waits() ? nodes_[connection.waiting_last].next : connection.waiting_first) = node;
  connection.waiting_last = node;
  ++waiting_;
}

std::chrono::nanoseconds OverdueQueue::pop(Connection& connection) {
  const std::uint32_t node = connection.waiting_first;
  const std::chrono::nanoseconds due = nodes_[node].due;
  connection.waiting_first = nodes_[node].next;
  nodes_[node].next = free_;
  free_ = node;
  --waiting_;
  return due;
}

void OverdueQueue::abandon(Connection& connection) {
  while (connection.waits()) abandoned_.push_back(pop(connection));
}

std::vector<std::chrono::nanoseconds> OverdueQueue::take_abandoned() {
  return std::exchange(abandoned_, {});
}

}  // namespace client
