// A memory allocation of a forked server that fails once: the n-th from a moment that the test
// chooses.
#pragma once

#include <atomic>

#if !defined(TESTBED_SANITIZES_ADDRESS) && !defined(TESTBED_SANITIZES_THREAD)
#define TESTBED_REPLACES_NEW
#endif

namespace conformance {

/// Counts `operator new` and aligned_alloc(3), with which Asio allocates, in the server's process,
/// all of its threads and its children. The test's own allocations never fail.
class FailingAllocation {
 public:
#ifdef TESTBED_REPLACES_NEW
  static constexpr bool is_possible = true;
#else
  static constexpr bool is_possible = false;
#endif

  FailingAllocation();
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  /// For the server's process, before it serves.
  void install();
  /// For the test: of the allocations that come from now on, the `nth` fails; 0: none.
  void fail(unsigned nth) {
    shared_->left = nth;
  }
  [[nodiscard]] bool has_failed() const {
    return shared_->failed;
  }

  /// Whether this allocation fails. For the replaced functions.
  static bool fails_now() noexcept;

 private:
  /// In a page that the processes share.
  struct Shared {
    std::atomic<unsigned> left{0};
    std::atomic<bool> failed{false};
  };
  static std::atomic<Shared*> installed;

  Shared* shared_;
};

}  // namespace conformance
