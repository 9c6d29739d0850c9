// How far two clocks are apart, from messages that went there and back.
//
// The one that took the least time was delayed least, so it says most: the other clock was read at
// some time of it, and half of it is the most that the middle can be wrong (Cristian 1989,
// "Probabilistic clock synchronization"). Pure: it sends nothing.
#pragma once

#include <optional>
#include <vector>

#include "client/result/rank.hpp"
#include "client/schedule/plan.hpp"

namespace client {

struct RoundTrip {
  Nanoseconds sent{};      ///< on this machine's clock
  Nanoseconds answered{};  ///< on the reference clock
  Nanoseconds received{};  ///< on this machine's clock
};

/// How many round trips a measurement takes; fewer where they take long. The first ones open the
/// way, and take longer than those that count.
inline constexpr int clock_trips = 220;

/// nullopt: there was none.
std::optional<ClockOffset> offset_of(const std::vector<RoundTrip>& trips);

/// The offset at the time `at` of this machine's clock, on the line through the two measurements.
/// Its bound is the larger one. Before the first and after the second, it is theirs.
ClockOffset offset_at(const ClockOffset& before, const ClockOffset& after, Nanoseconds at);

}  // namespace client
