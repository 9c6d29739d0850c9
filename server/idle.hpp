// Idle timeouts for event loops at almost no cost per message: no timer is set and no clock is
// read.
//
// Time is counted in ticks, eight per timeout. Each message stores the number of the current tick
// in its connection: one store into a cache line that is in use anyway. A scan once per tick closes
// the connections whose number is too old. A connection is therefore closed between 1 and 1.25
// timeouts after its last byte, whatever the number of connections: a scan of 10,000 takes ~20 us.
// The alternative, a timer that each message sets again, costs more than the rest of the accounting
// of an echo. Blocking models do not need this: they use SO_RCVTIMEO. Pure: the owner of the loop
// owns the timer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace server {

class IdleClock {
 public:
  using Tick = std::uint32_t;

  explicit IdleClock(std::optional<std::chrono::nanoseconds> timeout) : timeout_(timeout) {}

  /// Whether there is an idle timeout, and so a need for scans.
  [[nodiscard]] bool runs() const { return timeout_.has_value(); }
  /// The tick that a connection stores whenever bytes move.
  [[nodiscard]] Tick now() const { return now_; }
  /// Time between two scans. Only where runs() is true.
  [[nodiscard]] std::chrono::nanoseconds period() const {
    return std::max<std::chrono::nanoseconds>(*timeout_ / ticks_per_timeout,
                                              std::chrono::milliseconds{1});
  }
  /// Call it once per period, before the scan.
  void advance() { ++now_; }
  /// Whether `last` lies one timeout or more in the past. One tick more than the timeout's eight
  /// must have passed, because the last byte may have come at the end of its tick.
  [[nodiscard]] bool expired(Tick last) const { return now_ - last > ticks_per_timeout; }

 private:
  static constexpr Tick ticks_per_timeout = 8;
  std::optional<std::chrono::nanoseconds> timeout_;
  Tick now_ = 0;
};

}  // namespace server
