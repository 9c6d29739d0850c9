#include "client/result/rate.hpp"

#include <fmt/format.h>

#include <cmath>

#include "limits/quantity.hpp"

namespace client {
namespace {

/// A rate below this has a fraction.
constexpr double low = 10;
constexpr double lowest = 0.001;

}  // namespace

double per_second(std::uint64_t count, std::chrono::nanoseconds time) {
  if (time.count() <= 0) return 0;
  return static_cast<double>(count) * 1e9 / static_cast<double>(time.count());
}

std::string rate_text(double rate) {
  if (rate >= low) return fmt::format("{:.0f}", rate);
  if (rate >= lowest) return fmt::format("{:.3g}", rate);
  return rate > 0 ? "< 0.001" : "0";
}

std::string byte_rate_text(double rate) {
  if (rate < low) return rate_text(rate) + " B";
  return limits::format_bytes(static_cast<std::uint64_t>(rate));
}

boost::json::value rate_json(double rate) {
  const double rounded = std::round(rate * 1e3) / 1e3;
  if (rate >= low || rounded == std::floor(rounded)) return std::llround(rate);
  return rounded;
}

}  // namespace client
