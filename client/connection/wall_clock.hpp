// Differences on the wall clock, which may be set at any time.
//
// The kernel stamps received packets with CLOCK_REALTIME. CLOCK_MONOTONIC runs beside it at the
// same rate, also while NTP slews them (clock_gettime(2)), so the distance between the two changes
// only when the wall clock is set. Each reading bounds the distance; bounds that do not overlap
// with the earlier ones show that it was set.
#pragma once

#include "client/schedule/plan.hpp"

namespace client {

/// The clocks, read in this order.
struct ClockReading {
  Nanoseconds before, wall, after;  ///< monotonic, wall, monotonic
};
ClockReading read_clocks();

/// Pure.
class WallClock {
 public:
  explicit WallClock(const ClockReading& first) { keep(first); }

  /// Whether the clock was set between the last reading and this one: what was stamped before it
  /// cannot be compared with `reading`.
  bool was_set(const ClockReading& reading);

 private:
  void keep(const ClockReading& reading);

  Nanoseconds least_{}, most_{};  ///< bounds of wall - monotonic
};

}  // namespace client
