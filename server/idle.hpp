// Idle timeouts for event loops, at no cost per message: no timer is set and no clock is read.
//
// Time is counted in ticks, eight to a timeout. A message writes the number of the current tick
// into its connection, one store into a cache line that is in use anyway; a scan once a tick closes
// those whose number is too old. So a connection is closed between one timeout and a timeout and a
// quarter after its last byte, whatever their number: a scan of 10,000 takes ~20 us. The other way,
// a timer set anew by each message, costs more than the echo's own bookkeeping. Blocking models
// need none of it: SO_RCVTIMEO. Pure: whoever owns the loop owns the timer.
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

  /// Whether connections are ever closed for being idle, and scans are needed at all.
  [[nodiscard]] bool runs() const { return timeout_.has_value(); }
  /// What a connection remembers with each of its bytes.
  [[nodiscard]] Tick now() const { return now_; }
  /// Time between two scans; only where it runs.
  [[nodiscard]] std::chrono::nanoseconds period() const {
    return std::max<std::chrono::nanoseconds>(*timeout_ / ticks_per_timeout,
                                              std::chrono::milliseconds{1});
  }
  /// Called once a period, before a scan.
  void advance() { ++now_; }
  /// Whether `last` lies a timeout or more in the past: the tick it fell in may have been nearly
  /// over, or have just begun.
  [[nodiscard]] bool expired(Tick last) const { return now_ - last > ticks_per_timeout; }

 private:
  static constexpr Tick ticks_per_timeout = 8;
  std::optional<std::chrono::nanoseconds> timeout_;
  Tick now_ = 0;
};

}  // namespace server
