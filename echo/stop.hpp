// One descriptor that signals "stop" to threads, loops and forked children alike.
//
// An eventfd that is never read stays readable. Every poll, epoll_wait and Asio wait that includes
// it therefore wakes, in every process that inherited it. There are two: `drain` (finish
// the work in progress) and `force` (end immediately). Signals reach them through signalfd(2) on
// one thread. No signal handler runs, and it does not matter which thread the kernel would have
// chosen.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>

#include "echo/descriptor.hpp"

namespace echo {

/// A short sleep after a wait (poll, epoll_wait) that failed for another reason than a signal, such
/// as ENOMEM. The caller then waits again: a failed wait must never hide a stop.
void pause_after_failed_wait();

class Stop {
 public:
  Stop();
  /// Readable from the first request on. Never read from it.
  [[nodiscard]] int drain_fd() const { return drain_.get(); }
  [[nodiscard]] int force_fd() const { return force_.get(); }
  /// Each may call poll(2): not for the echo path.
  [[nodiscard]] bool draining() const;
  [[nodiscard]] bool forced() const;

  void request_drain();
  /// Implies a drain.
  void request_force();

 private:
  Descriptor drain_;
  Descriptor force_;
  /// Requested by this process: known without a system call, which might fail.
  std::atomic<bool> drain_requested_{false};
  std::atomic<bool> force_requested_{false};
};

/// Turns SIGINT, SIGTERM and SIGHUP into a Stop. The first signal starts the drain. The second one,
/// or `drain_timeout` after the first, forces the stop. A SIGHUP that was ignored at the start
/// (nohup) stays ignored. Construct it before any other thread starts, so that all threads inherit
/// the blocked mask. From then on SIGPIPE is ignored: a write to a closed pipe returns an error and
/// does not end the process.
class SignalWatch {
 public:
  /// `another`: a further signal that stops as these do; 0: none.
  SignalWatch(Stop& stop, std::chrono::nanoseconds drain_timeout, int another = 0);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// Ends the watch; a drain in progress then has no timeout. The destructor calls it too.
  void finish();
  /// The drain is complete: its timeout no longer forces the stop, and a second signal still does.
  void end_drain() { drained_ = true; }
  /// The first signal received so far, or 0.
  [[nodiscard]] int signal() const { return signal_; }
  /// The last one, or 0.
  [[nodiscard]] int last_signal() const { return last_; }
  /// When the first was received; the clock's epoch if none was.
  [[nodiscard]] std::chrono::steady_clock::time_point signalled_at() const;

 private:
  using Clock = std::chrono::steady_clock;

  void watch();
  bool read_signals();
  void on_signal(int number);

  Stop& stop_;
  std::chrono::nanoseconds drain_timeout_;
  Descriptor signals_;
  Descriptor done_;
  std::atomic<bool> finishing_{false};
  std::atomic<bool> drained_{false};
  std::atomic<int> signal_{0};
  std::atomic<int> last_{0};
  std::atomic<Clock::duration> signalled_at_{};
  Clock::time_point force_at_ = Clock::time_point::max();
  std::thread thread_;
};

}  // namespace echo
