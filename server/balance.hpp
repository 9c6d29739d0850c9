// How evenly a load is spread over several workers.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

namespace server {

/// cv: standard deviation divided by mean (0 is even). max_over_mean: the largest share divided by
/// an even share (1 is even; the worst value is the number of workers).
struct Balance {
  double cv = 0;
  double max_over_mean = 1;
};

/// nullopt where balance is undefined: one worker, or no load.
inline std::optional<Balance> balance_of(std::span<const double> loads) {
  double sum = 0;
  double largest = 0;
  for (const double load : loads) {
    sum += load;
    largest = std::max(largest, load);
  }
  if (loads.size() < 2 || sum <= 0) return std::nullopt;
  const double mean = sum / static_cast<double>(loads.size());
  double squares = 0;
  for (const double load : loads) squares += (load - mean) * (load - mean);
  return Balance{std::sqrt(squares / static_cast<double>(loads.size())) / mean, largest / mean};
}

}  // namespace server
