// Notices when this process did not run: stopped (SIGSTOP, a debugger), out of its CPU quota, or
// without a processor.
//
// A thread wakes up every 50 ms and compares the clock with the time at which it should have woken.
// What stops a process or its cgroup stops all its threads, so the lateness of this one is the
// absence of the loops. A loop alone cannot tell: it wakes up with an event, and an event that came
// late looks like one that was read late. It costs 20 wake-ups per second and nothing per echo; the
// loops look here only when a wait is about to time out. A single loop that gets no processor,
// because others keep its CPU busy, is not seen here; in an open loop its lateness shows it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "client/schedule/plan.hpp"

namespace client {

/// How often and how long the process did not run.
struct Absences {
  std::uint64_t count = 0;
  Nanoseconds sum{};
  Nanoseconds longest{};

  /// Of two windows that do not overlap.
  Absences& operator+=(const Absences& other);
};

class Heartbeat {
 public:
  static constexpr std::chrono::milliseconds period{50};
  /// Two beats further apart than this have an absence between them: the time from when the second
  /// was due.
  static constexpr std::chrono::milliseconds longest_gap{100};

  /// Without a thread to be had it notices nothing.
  Heartbeat();
  /// Without a thread: only the beats of beat(), the first of them at `first`.
  explicit Heartbeat(Nanoseconds first) : last_(first) {}
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

  /// The absences within [from, to], clipped to it. Includes one that ends only now, before the
  /// thread has woken up. From any thread.
  [[nodiscard]] Absences within(Nanoseconds from, Nanoseconds to) const;

  /// Takes a beat at `at`, which must not decrease.
  void beat(Nanoseconds at);

 private:
  struct Absence {
    Nanoseconds from, to;
  };
  void run();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Absence> absences_;
  Nanoseconds last_;
  bool beats_ = true;  ///< false without a thread
  bool over_ = false;
  std::thread thread_;
};

}  // namespace client
