// The kernel's send queue of a connection: how long a drain waits for it, and what is lost with it.
//
// send(2) succeeds when the kernel has taken the bytes. A drain shuts each connection down for
// reading, while its peer may still send. From the FIN of this end on the kernel answers such bytes
// with RST and discards the send queue: a peer that reads late would lose up to 4 MiB that count as
// echoed. So the FIN waits until the peer has them, and what is discarded is not counted. Sources:
// tcp(7), SIOCOUTQ; linux/sockios.h, SIOCOUTQNSD.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "server/counters.hpp"

namespace server {

/// Takes back from the counters what the kernel has taken and will not send: this end gives the
/// connection up, or has lost it. Call it before close(2); all that was sent must be counted. Costs
/// one system call where nothing is unsent.
void discount_unsent(int fd, Counters& counters, unsigned worker);

/// Decides whether a connection that a drain has shut down for reading waits for its peer. While it
/// waits, the server reads again and again, because the peer may want to write all before it begins
/// to read. It reads no clock and does not sleep.
class SendQueueWait {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Next {
    pause,     ///< wait for pause(), then read again
    end,       ///< the peer has all, or has sent FIN, or the connection is lost: close it
    timed_out  ///< the peer has read nothing for --idle-timeout: close it
  };

  /// Pauses begin at 1 ms and double up to `longest_pause` while the peer reads nothing.
  SendQueueWait(std::optional<std::chrono::nanoseconds> idle_timeout,
                std::chrono::milliseconds longest_pause)
      : idle_timeout_(idle_timeout), longest_pause_(longest_pause) {}

  /// Call it when recv(2) has returned 0. Costs one system call where nothing is unsent.
  Next at_eof(int fd, Clock::time_point now);
  [[nodiscard]] std::chrono::milliseconds pause() const { return pause_; }
  /// Whether it had to wait.
  [[nodiscard]] bool was_late() const { return late_; }

 private:
  static constexpr std::chrono::milliseconds shortest_pause{1};

  std::optional<std::chrono::nanoseconds> idle_timeout_;
  std::chrono::milliseconds longest_pause_;
  std::chrono::milliseconds pause_ = shortest_pause;
  bool late_ = false;
  std::uint64_t left_ = 0;
  Clock::time_point unchanged_since_;
};

}  // namespace server
