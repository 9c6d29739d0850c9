#include "client/backlog.hpp"

#include <utility>

namespace client {

void Backlog::push(Session& session, std::chrono::nanoseconds due) {
  std::uint32_t node = free_;
  if (node == Session::none) {
    node = static_cast<std::uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[node].next;
  }
  nodes_[node] = {due, Session::none};
  (session.waits() ? nodes_[session.waiting_last].next : session.waiting_first) = node;
  session.waiting_last = node;
  ++waiting_;
}

std::chrono::nanoseconds Backlog::pop(Session& session) {
  const std::uint32_t node = session.waiting_first;
  const std::chrono::nanoseconds due = nodes_[node].due;
  session.waiting_first = nodes_[node].next;
  nodes_[node].next = free_;
  free_ = node;
  --waiting_;
  return due;
}

void Backlog::abandon(Session& session) {
  while (session.waits()) abandoned_.push_back(pop(session));
}

std::vector<std::chrono::nanoseconds> Backlog::take_abandoned() {
  return std::exchange(abandoned_, {});
}

}  // namespace client
