// When the next message, or the next connect, is due. Pure: times count from the start of the
// traffic; the caller owns the clock. (After tsenart/vegeta's lib/pacer.go.)
//
// Latency is measured from the time that due() gives, not from the moment of sending: a client that
// waits for a stalled server before it sends the next message, and measures from there, leaves out
// the very waits that users see (coordinated omission).
#pragma once

#include <chrono>
#include <cstdint>

namespace client {

class Pace {
 public:
  /// `per_second` > 0, evenly spaced; the first is due `phase` of a gap (0 to 1) after the start,
  /// so that several paces can take turns.
  static Pace evenly(double per_second, double phase = 0);
  /// A Poisson process of `per_second` > 0: gaps are independent and exponential, as those of many
  /// users who do not know of each other. The same `seed` gives the same times.
  static Pace poisson(double per_second, std::uint64_t seed);

  /// Later than any clock here will say, and still a time that others can be added to.
  static constexpr std::chrono::nanoseconds never = std::chrono::nanoseconds::max() / 2;

  /// When the next one is due; never decreases.
  [[nodiscard]] std::chrono::nanoseconds due() const { return due_; }
  /// That one is taken, or so many: on to the one behind.
  void advance(std::uint64_t by = 1);
  /// How many are due in that time, on average.
  [[nodiscard]] std::uint64_t due_within(std::chrono::nanoseconds time) const {
    return static_cast<std::uint64_t>(static_cast<double>(time.count()) * per_second_ / 1e9);
  }

 private:
  Pace(double per_second, double phase, bool random, std::uint64_t seed);
  void look_ahead();

  double per_second_;
  double phase_;       ///< of a gap
  double sum_ns_ = 0;  ///< of the gaps so far, where they are random
  bool random_;
  std::uint64_t seed_;
  std::uint64_t index_ = 0;
  std::chrono::nanoseconds due_{};
};

}  // namespace client
