// When the connections of a loop are to be scanned for waits that take too long, and which waits
// do.
//
// A wait that begins after a scan expires at least one timeout later, so the next scan is due when
// the oldest of the current waits expires. Without timeouts that is about one scan per timeout, and
// it adds no work to an echo. Pure, but for the absences that a Heartbeat notices.
#pragma once

#include <algorithm>

#include "client/measure/heartbeat.hpp"
#include "client/schedule/plan.hpp"

namespace client {

class Timeouts {
 public:
  /// `heartbeat`: time in which this process did not run does not count, because nobody could have
  /// read an echo; nullptr: all time counts.
  Timeouts(Nanoseconds connect, Nanoseconds message, const Heartbeat* heartbeat)
      : connect_(connect), message_(message), heartbeat_(heartbeat) {}

  [[nodiscard]] Nanoseconds next_scan() const { return next_scan_; }
  void connect_begun(Nanoseconds at) { next_scan_ = std::min(next_scan_, at + connect_); }

  void begin_scan(Nanoseconds at) { soonest_ = at + std::min(message_, connect_); }
  /// Whether a connect that began at `began` has expired by `at`.
  bool connect_expires(Nanoseconds began, Nanoseconds at) { return expires(began, connect_, at); }
  /// The same for a message in flight.
  bool message_expires(Nanoseconds began, Nanoseconds at) { return expires(began, message_, at); }
  void end_scan(Nanoseconds at) {
    // Least pause between two scans, where a 256th of the timeout is less.
    constexpr std::chrono::milliseconds least_pause{1};
    next_scan_ = std::max(soonest_, at + std::max<Nanoseconds>(message_ / 256, least_pause));
  }

 private:
  bool expires(Nanoseconds began, Nanoseconds timeout, Nanoseconds at) {
    Nanoseconds end = began + timeout;
    if (end <= at && heartbeat_ != nullptr) end += heartbeat_->within(began, at).sum;
    if (end <= at) return true;
    soonest_ = std::min(soonest_, end);
    return false;
  }

  Nanoseconds connect_, message_;
  const Heartbeat* heartbeat_;
  Nanoseconds next_scan_{};
  Nanoseconds soonest_{};  ///< end of a wait, as the current scan has found so far
};

}  // namespace client
