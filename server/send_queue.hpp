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
#include <set>
#include <unordered_map>
#include <utility>

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

/// The connections of a loop that wait so, by descriptor. Empty outside of a drain.
class LateReaders {
 public:
  using Clock = SendQueueWait::Clock;
  /// A forced stop ends the pauses of a loop. With 10,000 late readers the attempts take a few
  /// percent of a core.
  static constexpr std::chrono::milliseconds longest_pause{500};

  LateReaders(std::optional<std::chrono::nanoseconds> idle_timeout, Counters& counters)
      : idle_timeout_(idle_timeout), counters_(counters) {}

  /// Call it in a drain when recv(2) has returned 0 or an error. The pause after which to read
  /// again; unset: close the connection. One that has waited too long is counted here.
  std::optional<std::chrono::milliseconds> pause_at_eof(int fd,
                                                        Clock::time_point now = Clock::now());
  /// Call it before a connection is closed.
  void forget(int fd) { waits_.erase(fd); }

 private:
  std::optional<std::chrono::milliseconds> pause_of(SendQueueWait& wait, int fd,
                                                    Clock::time_point now);

  std::optional<std::chrono::nanoseconds> idle_timeout_;
  Counters& counters_;
  std::unordered_map<int, SendQueueWait> waits_;
};

/// The same for a loop that handles what is due by itself.
class LateReaderScan {
 public:
  using Clock = LateReaders::Clock;

  LateReaderScan(std::optional<std::chrono::nanoseconds> idle_timeout, Counters& counters)
      : readers_(idle_timeout, counters) {}

  /// Call it in a drain when recv(2) has returned 0. True: keep the connection, and read again when
  /// take_due() returns it. False: close it.
  bool keeps(int fd, Clock::time_point now);
  /// Whether it is kept and not due yet: only its peer can do something.
  [[nodiscard]] bool waits(int fd) const { return due_of_.count(fd) != 0; }
  /// Call it before a connection is closed.
  void forget(int fd);

  /// Unset: none waits.
  [[nodiscard]] std::optional<Clock::time_point> next_due() const {
    return due_.empty() ? std::nullopt : std::optional{due_.begin()->first};
  }
  /// The descriptor of one connection that is due at `now`, each once; -1: none.
  int take_due(Clock::time_point now);

 private:
  LateReaders readers_;
  std::set<std::pair<Clock::time_point, int>> due_;
  std::unordered_map<int, Clock::time_point> due_of_;
};

}  // namespace server
