#include "client/connection/wall_clock.hpp"

#include <time.h>

#include <algorithm>

namespace client {
namespace {

/// The kernel computes both clocks from one counter, each to a whole nanosecond.
constexpr std::chrono::microseconds rounding{1};

}  // namespace

ClockReading read_clocks() {
  const Nanoseconds before = now();
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  return {before, std::chrono::seconds{wall.tv_sec} + Nanoseconds{wall.tv_nsec}, now()};
}

bool WallClock::was_set(const ClockReading& reading) {
  const Nanoseconds least = std::max(least_, reading.wall - reading.after);
  const Nanoseconds most = std::min(most_, reading.wall - reading.before);
  if (least > most + rounding) {
    keep(reading);
    return true;
  }
  least_ = std::min(least, most);
  most_ = std::max(least, most);
  return false;
}

void WallClock::keep(const ClockReading& reading) {
  least_ = reading.wall - reading.after;
  most_ = reading.wall - reading.before;
}

}  // namespace client
