// A system call that fails in a program under test: the errors of a full machine, in the k-th call
// of a kind or in each of them, without filling a machine.
//
// A seccomp filter passes the calls to this process (seccomp_unotify(2)), which lets them fail or
// lets the kernel execute them. The filter belongs to a thread of this process and to the program
// that this thread starts.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace programs {

/// Sets a filter of `calls` for this thread and for what it starts; returns its notifier
/// (seccomp_unotify(2)), or -1.
int notify_of(const std::vector<unsigned>& calls);

class FailingCall {
 public:
  static constexpr int each = -1;

  /// `count` calls of the kinds `calls` fail with `error`, beginning with the first one after
  /// arm(); `each`: all of them.
  FailingCall(std::vector<unsigned> calls, int error, int count);
  ~FailingCall();
  FailingCall(const FailingCall&) = delete;
  FailingCall& operator=(const FailingCall&) = delete;

  /// Calls `start`, which starts the program. False where the kernel refuses the filter.
  bool start(const std::function<void()>& start);
  /// `skip`: this many calls are executed before the first one fails.
  void arm(int skip = 0);

 private:
  void answer();

  std::vector<unsigned> calls_;
  int error_;
  std::atomic<int> count_;
  std::atomic<int> skip_{0};
  std::atomic<bool> armed_{false};
  std::atomic<bool> ended_{false};
  std::atomic<int> starter_{0};  ///< the thread that starts the program: its own calls never fail
  static constexpr int none_yet = -1;
  static constexpr int refused = -2;
  std::atomic<int> notifier_{none_yet};  ///< the descriptor that reports the calls
  std::thread thread_;
};

}  // namespace programs
