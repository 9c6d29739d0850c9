// Idle timeouts for event loops at almost no cost per message: no timer is set and no clock is
// read.
//
// Time is counted in ticks, eight per timeout. Each message stores the number of the current tick
// in its connection: one store into a cache line that is in use anyway. A scan once per tick closes
// the connections whose number is too old. A connection is therefore closed between 1 and 1.25
// timeouts after its last byte, whatever the number of connections: a scan of 10,000 takes ~20 us.
// The alternative, a timer that each message sets again, costs more than the rest of the accounting
// of an echo. The same scan looks for conversations whose deadline is over (protocol/protocol.hpp),
// which are few: most connections are at rest. Blocking models do not need this: they use
// SO_RCVTIMEO and poll(2). Pure: the owner of the loop owns the timer.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace server {

class IdleClock {
 public:
  using Tick = std::uint32_t;
  using Time = std::optional<std::chrono::nanoseconds>;

  /// `shortest_deadline`: Protocol::shortest_timeout(). With a shorter one there are more ticks.
  explicit IdleClock(Time timeout, Time shortest_deadline = std::nullopt)
      : timeout_(timeout), shortest_deadline_(shortest_deadline) {}

  /// Whether there is an idle timeout, or deadlines, and so a need for scans.
  [[nodiscard]] bool runs() const { return timeout_ || shortest_deadline_; }
  /// The tick that a connection stores whenever bytes move.
  [[nodiscard]] Tick now() const { return now_; }
  /// Time between two scans. Only where runs() is true.
  [[nodiscard]] std::chrono::nanoseconds period() const { return period_; }
  /// Call it once per period, before the scan.
  void advance() { ++now_; }
  /// Whether `last` lies one timeout or more in the past. One tick more than the timeout's must
  /// have passed, because the last byte may have come at the end of its tick.
  [[nodiscard]] bool expired(Tick last) const { return timeout_ && now_ - last > ticks_; }

 private:
  static constexpr int ticks_per_timeout = 8;

  [[nodiscard]] std::chrono::nanoseconds period_of_both() const {
    using namespace std::chrono_literals;
    constexpr std::chrono::nanoseconds shortest = 10ms;  // 100 scans per second
    constexpr std::chrono::nanoseconds longest = 1s;
    const auto idle = std::max<std::chrono::nanoseconds>(
        timeout_.value_or(std::chrono::nanoseconds::max()) / ticks_per_timeout, 1ms);
    if (!shortest_deadline_) return idle;
    return std::min(idle, std::clamp(*shortest_deadline_ / ticks_per_timeout, shortest, longest));
  }

  /// Of the timeout, rounded up. One of more ticks than fit never ends.
  [[nodiscard]] Tick ticks_of_timeout() const {
    if (!timeout_) return 0;
    const auto whole = *timeout_ / period_;
    const auto ticks = *timeout_ % period_ == std::chrono::nanoseconds{0} ? whole : whole + 1;
    constexpr Tick most = std::numeric_limits<Tick>::max();
    return ticks < most ? static_cast<Tick>(ticks) : most;
  }

  Time timeout_;
  Time shortest_deadline_;
  std::chrono::nanoseconds period_ = period_of_both();
  Tick ticks_ = ticks_of_timeout();
  Tick now_ = 0;
};

}  // namespace server
