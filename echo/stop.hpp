// One descriptor that says "stop" to threads, loops and forked children alike.
//
// An eventfd that nobody reads stays readable for ever, so every poll, epoll_wait and Asio wait
// that includes it wakes, in every process that inherited it. Two of them: `drain` (finish what is
// in hand) and `force` (let go). Signals reach them through signalfd(2) on one thread, so no
// handler runs anywhere and it does not matter which thread the kernel would have picked.
#pragma once

#include <chrono>
#include <thread>

#include "echo/descriptor.hpp"

namespace echo {

class Stop {
 public:
  Stop();
  /// Readable from the first request on. Never read from it.
  [[nodiscard]] int drain_fd() const { return drain_.get(); }
  [[nodiscard]] int force_fd() const { return force_.get(); }
  /// One poll(2) each: not for the echo path.
  [[nodiscard]] bool draining() const;
  [[nodiscard]] bool forced() const;

  void request_drain();
  /// Implies a drain.
  void request_force();

 private:
  Descriptor drain_;
  Descriptor force_;
};

/// Turns SIGINT and SIGTERM into a Stop: the first drains; the second, or `drain_timeout` after the
/// first, forces. Construct it before any other thread, so that all inherit the blocked mask.
/// SIGPIPE is ignored from then on: a write to a closed pipe is an error code, not a death.
class SignalWatch {
 public:
  SignalWatch(Stop& stop, std::chrono::nanoseconds drain_timeout);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Ends the watch; a drain that runs is no longer timed. Called by the destructor too.
  void finish();
  /// The first signal that came, or 0. Only after finish().
  [[nodiscard]] int signal() const { return signal_; }
  /// When it came. Only after finish().
  [[nodiscard]] std::chrono::steady_clock::time_point signalled_at() const { return signalled_at_; }

 private:
  void watch();

  Stop& stop_;
  std::chrono::nanoseconds drain_timeout_;
  Descriptor signals_;
  Descriptor done_;
  int signal_ = 0;
  std::chrono::steady_clock::time_point signalled_at_{};
  std::thread thread_;
};

}  // namespace echo
