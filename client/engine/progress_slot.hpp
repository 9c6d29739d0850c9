// What a loop tells while it runs: it leaves a note at each interval, and goes on. Whoever watches
// reads the notes; the echo path takes no lock and knows of nobody.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "echo/histogram.hpp"

namespace client {

/// Counts since the run began, and the latencies since the last look.
struct Progress {
  std::string_view phase;
  std::uint64_t connected = 0;  ///< open now
  std::uint64_t established = 0;
  std::uint64_t failed = 0;
  std::uint64_t sent = 0;
  std::uint64_t echoes = 0;
};

class ProgressSlot {
 public:
  void post(const Progress& counts) {
    const std::lock_guard lock(mutex_);
    counts_ = counts;
  }
  /// Moves `interval`'s values here and leaves it empty.
  void post(const Progress& counts, echo::Histogram& interval) {
    const std::lock_guard lock(mutex_);
    counts_ = counts;
    if (!latency_) latency_.emplace();
    *latency_ += interval;
    interval.clear();
  }
  /// The last note; adds what was posted since the last look to `latency`.
  Progress look(echo::Histogram& latency) {
    const std::lock_guard lock(mutex_);
    if (latency_) {
      latency += *latency_;
      latency_->clear();
    }
    return counts_;
  }

 private:
  std::mutex mutex_;
  Progress counts_;
  std::optional<echo::Histogram> latency_;  ///< only where intervals are posted
};

}  // namespace client
