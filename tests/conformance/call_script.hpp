// System calls with scripted failures: the errors of a full machine, without filling a machine.
#pragma once

#include <linux/seccomp.h>

#include <atomic>
#include <climits>
#include <functional>
#include <initializer_list>
#include <vector>

namespace conformance {

/// From now on each of `calls`, made by this thread or by threads and processes that it starts,
/// fails with the next of `outcomes`, an errno. With 0, and after the last outcome, the kernel
/// executes the call. It cannot be undone, so use a separate process (seccomp_unotify(2)). False
/// with errno when the filter cannot be set.
bool script_calls(std::initializer_list<unsigned> calls, std::vector<int> outcomes);

/// A system call that can fail.
struct FailingCall {
  unsigned number;  ///< SYS_...
  int error;
  /// Whether this call is meant; empty: every one is. It sees all calls, in the process that has
  /// the filter: descriptors of that process's children are unknown there.
  std::function<bool(const seccomp_data&)> is_meant = {};
};

/// System calls of a forked server that the test lets fail when it chooses.
class CallFaults {
 public:
  static constexpr unsigned for_ever = UINT_MAX;

  CallFaults();
  ~CallFaults();
  CallFaults(const CallFaults&) = delete;
  CallFaults& operator=(const CallFaults&) = delete;

  /// For the server's process, before it serves. As with script_calls() there is no way back. False
  /// with errno when the filter cannot be set.
  bool install(std::vector<FailingCall> calls);
  /// For the test: of the calls that come from now on, the next `count` fail.
  void fail_next(unsigned count) { shared_->left = count; }
  /// How many have failed.
  [[nodiscard]] unsigned failed() const { return shared_->failed; }

 private:
  /// In a page that both processes share.
  struct Shared {
    std::atomic<unsigned> left{0};
    std::atomic<unsigned> failed{0};
  };
  Shared* shared_;
};

}  // namespace conformance
