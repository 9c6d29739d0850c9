// What the checks of a run found: whether the load was the one asked for, and whether its latencies
// are what percentiles take them for, independent values of one distribution.
#pragma once

#include <cstdint>
#include <optional>

namespace client {

/// Messages per second in the measured phase.
struct SendRateCheck {
  double asked = 0;
  double sent = 0;
  double spread = 0;         ///< how far `sent` may be from `asked`
  std::uint64_t unsent = 0;  ///< messages that were due and never sent
  bool holds = false;
};

/// The gaps between consecutive sends of the loop whose gaps fit least.
struct SendGapsCheck {
  bool poisson = false;
  std::uint64_t samples = 0;
  double statistic = 0;  ///< Poisson: A² of Anderson and Darling; uniform: the share that is off
  double critical = 0;   ///< what `statistic` may reach
  /// Poisson: largest difference of the distribution functions, 0 to 1.
  std::optional<double> distance;
  bool holds = false;
};

/// Each latency and the next one, of the loop where they depend on each other most.
struct IndependenceCheck {
  std::uint64_t pairs = 0;
  double rho = 0;  ///< Spearman's
  bool holds = false;
};

/// The mean latencies of the intervals of the measured phase, by their logarithms.
struct StationarityCheck {
  std::uint64_t points = 0;
  double statistic = 0;  ///< augmented Dickey-Fuller
  double critical = 0;   ///< below it the series returns to a level
  double drift = 0;  ///< of the fifth of the phase with the largest mean over that with the least:
                     ///< 0.5 is half more
  bool holds = false;
};

/// nullopt: does not apply to this run, or too few samples.
struct Checks {
  std::optional<SendRateCheck> send_rate;
  std::optional<SendGapsCheck> send_gaps;
  std::optional<IndependenceCheck> independence;
  std::optional<StationarityCheck> stationarity;
};

}  // namespace client
