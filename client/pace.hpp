// When to send the next message. Pure: times count from the start of the echo phase; the caller
// owns the clock. (After tsenart/vegeta's lib/pacer.go.)
//
// Latency is measured from the time that due() gives, not from the moment of sending: a client that
// waits for a stalled server before it sends the next message, and measures from there, leaves out
// the very waits that users see (coordinated omission).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace client {

class Pace {
 public:
  /// All at once: every message is due at 0.
  static Pace burst() { return Pace{0}; }
  /// `per_second` > 0 messages in all, evenly spaced.
  static Pace at_rate(double per_second) { return Pace{per_second}; }

  [[nodiscard]] bool is_burst() const { return per_second_ <= 0; }
  /// Later than any clock here will say, and still a time that others can be added to.
  static constexpr std::chrono::nanoseconds never = std::chrono::nanoseconds::max() / 2;

  /// When message `index` (counted over all connections) is due. Computed from the index, so that
  /// rounding does not add up.
  [[nodiscard]] std::chrono::nanoseconds due(std::uint64_t index) const;
  /// How many messages are due by `elapsed`, of `total`.
  [[nodiscard]] std::uint64_t due_by(std::chrono::nanoseconds elapsed, std::uint64_t total) const;

 private:
  explicit Pace(double per_second) : per_second_(per_second) {}
  double per_second_;
};

}  // namespace client
