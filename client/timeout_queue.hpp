// Timeouts without timers: all waits in one queue are equally long, so the order of arrival is the
// order of expiry. Joining, leaving and looking at the oldest are O(1), and cost no allocation.
#pragma once

#include <cstdint>
#include <vector>

#include "client/session.hpp"

namespace client {

/// A doubly linked list threaded through the sessions by index. A session is in one queue at most.
class TimeoutQueue {
 public:
  explicit TimeoutQueue(std::vector<Session>& sessions) : sessions_(sessions) {}

  [[nodiscard]] bool empty() const { return first_ == Session::none; }
  [[nodiscard]] std::uint32_t oldest() const { return first_; }

  void push(std::uint32_t index) {
    Session& session = sessions_[index];
    session.previous = last_;
    session.following = Session::none;
    session.queued = true;
    (last_ == Session::none ? first_ : sessions_[last_].following) = index;
    last_ = index;
  }

  /// Does nothing when the session is in no queue.
  void remove(std::uint32_t index) {
    Session& session = sessions_[index];
    if (!session.queued) return;
    session.queued = false;
    (session.previous == Session::none ? first_ : sessions_[session.previous].following) =
        session.following;
    (session.following == Session::none ? last_ : sessions_[session.following].previous) =
        session.previous;
  }

 private:
  std::vector<Session>& sessions_;
  std::uint32_t first_ = Session::none;
  std::uint32_t last_ = Session::none;
};

}  // namespace client
