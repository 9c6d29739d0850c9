// The schedule of messages or connects: when the next one is due. Pure: times count from the start
// of the traffic, and the caller reads the clock. Modelled on
// https://github.com/tsenart/vegeta/blob/master/lib/pacer.go.
//
// Latency is measured from due(), not from the send. A client that waits for a stalled server
// before it sends the next message, and measures from that send, leaves out the waits that users
// see (coordinated omission).
#pragma once

#include <chrono>
#include <cstdint>

namespace client {

class Pace {
 public:
  /// `per_second` > 0, evenly spaced. The first is due `phase` (0 to 1) of a gap after the start,
  /// so that several paces can interleave.
  static Pace evenly(double per_second, double phase = 0);
  /// A Poisson process of `per_second` > 0: gaps are independent and exponential, like those of
  /// many independent users. The same `seed` gives the same times.
  static Pace poisson(double per_second, std::uint64_t seed);

  /// Later than any time a clock returns here; adding a time to it does not overflow.
  static constexpr std::chrono::nanoseconds never = std::chrono::nanoseconds::max() / 2;

  /// Time from the start at which the next one is due; never decreases.
  [[nodiscard]] std::chrono::nanoseconds due() const { return due_; }
  /// Skips the next `by` ones.
  void advance(std::uint64_t by = 1);
  /// The same in constant time: several gaps of a Poisson process are skipped with their mean.
  void skip(std::uint64_t by);
  [[nodiscard]] double per_second() const { return per_second_; }
  /// Average number due within `time`.
  [[nodiscard]] std::uint64_t due_within(std::chrono::nanoseconds time) const {
    return static_cast<std::uint64_t>(static_cast<double>(time.count()) * per_second_ / 1e9);
  }

 private:
  Pace(double per_second, double phase, bool random, std::uint64_t seed);
  void look_ahead();

  double per_second_;
  double phase_;       ///< share of a gap
  double sum_ns_ = 0;  ///< Poisson: sum of the gaps so far
  bool random_;
  std::uint64_t seed_;
  std::uint64_t index_ = 0;
  std::chrono::nanoseconds due_{};
};

}  // namespace client
