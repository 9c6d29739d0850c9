// The progress of a running loop, for the leader. The loop posts it at each interval and the leader
// reads it, both under a mutex. The echo path takes no lock.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "echo/histogram.hpp"

namespace client {

/// Counts since the start of the run.
struct Progress {
  std::string_view phase;
  std::uint64_t connected = 0;  ///< open now
  std::uint64_t established = 0;
  std::uint64_t failed = 0;
  std::uint64_t sent = 0;
  std::uint64_t echoes = 0;
  std::uint64_t received = 0;  ///< bytes
};

class ProgressSlot {
 public:
  void post(const Progress& counts) {
    const std::lock_guard lock(mutex_);
    counts_ = counts;
  }
  /// Also moves the values of `interval` into the slot and leaves it empty.
  void post(const Progress& counts, echo::Histogram& interval) {
    const std::lock_guard lock(mutex_);
    counts_ = counts;
    if (!latency_) latency_.emplace();
    *latency_ += interval;
    interval.clear();
  }
  /// Returns the last posted counts. Adds the latencies posted since the last call to `latency`.
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
