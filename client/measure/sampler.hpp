// Samples of a traffic for the checks of a run (findings/checks.hpp): gaps between sends, pairs of
// consecutive latencies, and the latencies of each interval. Bounded, and of the measured phase.
//
// On the path of an echo a sample costs a counter and a store: one in `every` is kept, so that
// the samples are spread over the whole phase. Intervals cost nothing there: they are
// differences of the sums that the histogram of latencies keeps anyway.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "client/schedule/plan.hpp"

namespace client {

/// Latencies of an interval, by the arrival of their echoes.
struct IntervalSum {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;  ///< ns
};

/// Of one loop. Times in ns; one above 4.29 s counts as 4.29 s.
struct Samples {
  double per_second = 0;  ///< messages due, by the loop's pace; 0: closed loop
  std::vector<std::uint32_t> send_gaps;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> latencies;  ///< of an echo and of the next
  std::vector<IntervalSum> intervals;  ///< from the start of the measured phase, without a gap
};

/// Samples of each kind that a loop keeps at most, and intervals.
inline constexpr std::uint64_t most_samples = 10'000;
inline constexpr std::uint64_t most_intervals = 100;

class Sampler {
 public:
  void begin(const Traffic& traffic) {
    samples_ = {};
    interval_ = traffic.sampling.interval;
    const std::uint64_t every = traffic.sampling.every;
    every_ = every > 0 && traffic.pace ? every : never_again;
    until_gap_ = until_latency_ = every_ == never_again ? never_again : every_ + 1;
    if (traffic.pace) samples_.per_second = traffic.pace->per_second();
    if (every_ == never_again) return;
    samples_.send_gaps.reserve(std::min(traffic.sampling.expected, most_samples));
    samples_.latencies.reserve(std::min(traffic.sampling.expected, most_samples));
  }

  /// A message was sent at `at`.
  void sent(Nanoseconds at) {
    if (--until_gap_ == 0) [[unlikely]]
      keep_gap(at);
    last_sent_ = at;
  }
  /// An echo had this latency.
  void echoed(Nanoseconds latency) {
    if (--until_latency_ == 0) [[unlikely]]
      keep_latency(latency);
    last_latency_ = latency;
  }

  /// The end of the next interval, if it began at `from`; `never` if there is none.
  [[nodiscard]] Nanoseconds next_interval(Nanoseconds from) const {
    if (interval_ == never || samples_.intervals.size() >= most_intervals) return never;
    return from + interval_ * (static_cast<std::int64_t>(samples_.intervals.size()) + 1);
  }
  /// An interval ends; all latencies of the measured phase so far are these.
  void end_interval(std::uint64_t count, std::uint64_t sum) {
    samples_.intervals.push_back({count - so_far_.count, sum - so_far_.sum});
    so_far_ = {count, sum};
  }
  /// The first interval begins; all latencies so far are these.
  void begin_intervals(std::uint64_t count, std::uint64_t sum) { so_far_ = {count, sum}; }

  [[nodiscard]] Samples take() { return std::exchange(samples_, {}); }

 private:
  static constexpr std::uint64_t never_again = std::numeric_limits<std::uint64_t>::max();

  void keep_gap(Nanoseconds at);
  void keep_latency(Nanoseconds latency);

  std::uint64_t every_ = never_again;
  std::uint64_t until_gap_ = never_again;
  std::uint64_t until_latency_ = never_again;
  Nanoseconds last_sent_{};
  Nanoseconds last_latency_{};
  Nanoseconds interval_ = never;
  IntervalSum so_far_;
  Samples samples_;
};

}  // namespace client
