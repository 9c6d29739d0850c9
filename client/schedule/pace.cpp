#include "client/schedule/pace.hpp"

#include <cmath>

#include "echo/splitmix64.hpp"

namespace client {

Pace Pace::evenly(double per_second, double phase) {
  return Pace{per_second, phase, false, 0};
}

Pace Pace::poisson(double per_second, std::uint64_t seed) {
  return Pace{per_second, 0, true, seed};
}

Pace::Pace(double per_second, double phase, bool random, std::uint64_t seed)
    : per_second_(per_second), phase_(phase), random_(random), seed_(seed) {
  look_ahead();
}

void Pace::advance(std::uint64_t by) {
  if (!random_) index_ += by - 1;  // each random gap must be drawn
  for (std::uint64_t i = random_ ? 0 : by - 1; i < by; ++i) {
    ++index_;
    look_ahead();
  }
}

void Pace::skip(std::uint64_t by) {
  if (random_ && by > 1) {
    sum_ns_ += static_cast<double>(by - 1) * 1e9 / per_second_;
    index_ += by - 1;
    by = 1;
  }
  advance(by);
}

void Pace::look_ahead() {
  double due = 0;
  if (random_) {
    // A uniform number in (0, 1]: its logarithm is finite.
    const std::uint64_t bits =
        echo::splitmix64(seed_ + (index_ + 1) * echo::splitmix64_increment) >> 11U;
    sum_ns_ -= std::log(static_cast<double>(bits + 1) * 0x1p-53) * 1e9 / per_second_;
    due = sum_ns_;
  } else {
    // From the index, not from the last due time: rounding errors do not add up.
    due = (static_cast<double>(index_) + phase_) * 1e9 / per_second_;
  }
  const bool ever = due < static_cast<double>(never.count());
  due_ = ever ? std::chrono::nanoseconds(std::llround(due)) : never;
}

}  // namespace client
