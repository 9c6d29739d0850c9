// How deep threads used their stacks, one figure per thread, and the smallest size that would have
// held them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

namespace server {

/// High waters of painted stacks, in bytes from the top of the stack. They include the thread's own
/// set-up (struct pthread, static TLS), as --stack-size does. Not safe for concurrent use by
/// several threads.
class StackUse {
 public:
  /// `least`: the smallest stack that the platform allows (PTHREAD_STACK_MIN). Both in bytes.
  StackUse(std::uint64_t page, std::uint64_t least) : page_(page), least_(least) {}
  /// With the page size and the minimum of this machine.
  static StackUse of_this_machine();

  void add(std::uint64_t high_water_bytes);
  StackUse& operator+=(const StackUse& other);

  [[nodiscard]] std::uint64_t threads() const { return threads_; }
  /// Bytes, by nearest rank; nullopt with fewer than ten threads above that rank.
  [[nodiscard]] std::optional<std::uint64_t> percentile(double percent) const;
  /// Bytes; nullopt without threads.
  [[nodiscard]] std::optional<std::uint64_t> max() const;
  /// The smallest --stack-size in bytes, in whole pages, that would have held all of them; nullopt
  /// without threads.
  [[nodiscard]] std::optional<std::uint64_t> smallest_size() const;
  /// Whether smallest_size() is the platform's minimum although the threads used less.
  [[nodiscard]] bool used_less_than_minimum() const;

 private:
  [[nodiscard]] std::uint64_t pages_used() const;

  std::uint64_t page_;
  std::uint64_t least_;
  std::uint64_t threads_ = 0;
  std::map<std::uint64_t, std::uint64_t> counts_;  ///< threads by bytes: few distinct values
};

}  // namespace server
