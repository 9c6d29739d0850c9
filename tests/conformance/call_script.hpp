// System calls with scripted failures: the errors of a full machine, without filling a machine.
#pragma once

#include <atomic>
#include <initializer_list>
#include <vector>

namespace conformance {

/// From now on each of `calls`, made by this thread or by threads and processes that it starts,
/// fails with the next of `outcomes`, an errno. With 0, and after the last outcome, the kernel
/// executes the call. It cannot be undone, so use a separate process (seccomp_unotify(2)). False
/// with errno when the filter cannot be set.
bool script_calls(std::initializer_list<unsigned> calls, std::vector<int> outcomes);

/// A count that this process shares with those that it forks.
class SharedCount {
 public:
  SharedCount();
  ~SharedCount();
  SharedCount(const SharedCount&) = delete;
  SharedCount& operator=(const SharedCount&) = delete;

  [[nodiscard]] unsigned value() const { return *count_; }
  void add_one() { ++*count_; }

 private:
  std::atomic<unsigned>* count_;
};

/// The same, but each call fails with `error`, and is counted.
bool fail_calls(std::initializer_list<unsigned> calls, int error, SharedCount& failed);

}  // namespace conformance
