#include "client/pace.hpp"

#include <algorithm>
#include <cmath>

namespace client {

std::chrono::nanoseconds Pace::due(std::uint64_t index) const {
  if (is_burst()) return std::chrono::nanoseconds{0};
  const double due = static_cast<double>(index) * 1e9 / per_second_;
  if (due >= static_cast<double>(never.count())) return never;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(std::llround(due)));
}

std::uint64_t Pace::due_by(std::chrono::nanoseconds elapsed, std::uint64_t total) const {
  if (elapsed.count() < 0) return 0;
  if (is_burst()) return total;
  const double messages = static_cast<double>(elapsed.count()) * per_second_ / 1e9;
  if (messages >= static_cast<double>(total)) return total;
  auto count = static_cast<std::uint64_t>(messages);
  // The division rounds either way: agree with due() to the nanosecond.
  while (count < total && due(count) <= elapsed && due(count) != never) {
    ++count;
  }
  while (count > 0 && due(count - 1) > elapsed) --count;
  return count;
}

}  // namespace client
