// The idle clock of a loop (server/idle.hpp), driven by one timer for all connections: of idle ones
// and of those whose conversation has a deadline.
#pragma once

#include <functional>
#include <utility>

#include "echo_async/asio/out_of_memory.hpp"
#include "echo_async/asio/socket.hpp"
#include "server/idle.hpp"
#include "server/model.hpp"

namespace echo_async {

class IdleScan {
 public:
  IdleScan(const Strand& strand, const server::Serving& serving)
      : timer_(strand),
        clock_(serving.options.socket.idle_timeout, serving.protocol.shortest_timeout()) {}

  /// For the connections: they store now() with each byte; the scan checks expired().
  [[nodiscard]] const server::IdleClock& clock() const { return clock_; }
  /// Calls `scan` once per tick from now on; does nothing without timeouts.
  void start(std::function<void()> scan) {
    if (!clock_.runs()) return;
    scan_ = std::move(scan);
    begin_again();
  }
  /// Continues on the strand when there was no memory for the timer (out_of_memory.hpp).
  void begin_again() {
    if (!scan_ || pending_) return;
    timer_.expires_after(clock_.period());
    wait();
  }
  /// A running scan is work for the io_context; stop() lets run() return.
  void stop() {
    scan_ = nullptr;
    timer_.cancel();
  }

 private:
  void wait() {
    timer_.async_wait([this, pending = pending_.token()](error_code error) {
      if (error || !scan_) return;
      clock_.advance();
      scan_();
      if (!scan_) return;
      timer_.expires_at(timer_.expiry() + clock_.period());
      wait();
    });
  }

  TimerOn<Strand> timer_;
  server::IdleClock clock_;
  std::function<void()> scan_;
  Pending pending_;
};

}  // namespace echo_async
