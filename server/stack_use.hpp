// How deep threads went into their stacks, one figure a thread, and the size that would have done.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace server {

/// High waters of painted stacks, in bytes from the stack's top: what the thread's own set-up takes
/// (struct pthread, static TLS) is part of them, as it is part of --stack-size. Not for use by
/// several threads at once.
class StackUse {
 public:
  /// `least`: the smallest stack that the platform gives (PTHREAD_STACK_MIN). Both in bytes.
  StackUse(std::uint64_t page, std::uint64_t least) : page_(page), least_(least) {}
  /// This machine's page and least.
  static StackUse of_this_machine();

  void add(std::uint64_t high_water_bytes);

  [[nodiscard]] std::uint64_t threads() const { return threads_; }
  /// By nearest rank; nullopt with fewer than ten threads that went deeper, or tied, above it.
  [[nodiscard]] std::optional<std::uint64_t> percentile(double percent) const;
  /// nullopt with no thread.
  [[nodiscard]] std::optional<std::uint64_t> max() const;
  /// The smallest --stack-size, in whole pages, that would have held them all; nullopt with none.
  [[nodiscard]] std::optional<std::uint64_t> smallest_size() const;
  /// Whether that is the platform's least and less would have done.
  [[nodiscard]] bool held_by_the_least() const;

 private:
  [[nodiscard]] std::uint64_t pages_used() const;

  std::uint64_t page_;
  std::uint64_t least_;
  std::uint64_t threads_ = 0;
  std::map<std::uint64_t, std::uint64_t> counts_;  ///< threads by bytes: few differ
};

}  // namespace server
