#include "client/result/clock_offset.hpp"

#include <algorithm>
#include <cmath>

namespace client {

std::optional<ClockOffset> offset_of(const std::vector<RoundTrip>& trips) {
  const auto time = [](const RoundTrip& trip) { return trip.received - trip.sent; };
  const auto shortest =
      std::min_element(trips.begin(), trips.end(),
                       [&time](const auto& a, const auto& b) { return time(a) < time(b); });
  if (shortest == trips.end()) return std::nullopt;
  const Nanoseconds middle = shortest->sent + time(*shortest) / 2;
  // Rounded up: a bound must hold.
  return ClockOffset{middle - shortest->answered, (time(*shortest) + Nanoseconds{1}) / 2, middle};
}

ClockOffset offset_at(const ClockOffset& before, const ClockOffset& after, Nanoseconds at) {
  const Nanoseconds bound = std::max(before.bound, after.bound);
  const auto between = static_cast<double>((after.at - before.at).count());
  const double part =
      between > 0 ? std::clamp(static_cast<double>((at - before.at).count()) / between, 0.0, 1.0)
                  : 0.0;
  const auto change = static_cast<double>((after.offset - before.offset).count());
  return {before.offset + Nanoseconds{std::llround(part * change)}, bound, at};
}

}  // namespace client
