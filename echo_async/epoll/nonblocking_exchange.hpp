// The non-blocking exchange on one connection, for loops that are told (or guess) that a descriptor
// is ready: select, busy-poll, an epoll descriptor of one's own.
//
// One buffer serves all connections of a loop, because an answer nearly always goes out in the call
// that read the question: a connection at rest costs its Connection, 16 bytes. Only what cannot go
// out at once (the peer does not read, or --work sleep holds it back) is copied into a block of its
// own, and until that is out nothing more is read: that bounds the block and is the back-pressure.
// The loop keeps the waiting; after each call it is told what to wait for WaitFor.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "server/idle.hpp"
#include "server/model.hpp"

namespace echo_async {

/// An answer that could not go out yet.
struct PendingReply {
  std::vector<std::byte> answer;
  std::size_t sent = 0;
  bool sleeps = false;  ///< held back by --work sleep; else the peer's buffers are full
};

/// What a loop remembers of a connection. `fd` is not owned: the table of the loop closes it.
struct Connection {
  int fd = -1;
  server::IdleClock::Tick last = 0;  ///< when a byte last went in or out
  std::unique_ptr<PendingReply> pending;
};
static_assert(sizeof(Connection) == 16);

/// What a connection waits for, and so what the loop has to watch.
enum class WaitFor {
  read,   ///< bytes; the socket was emptied
  again,  ///< bytes, and there may be some already: who is told only of changes must ask again now
  write,  ///< room for the rest of its answer: on_writable
  sleep,  ///< the end of its sleep, nothing else: on_wake when it is due
  close   ///< nothing: it has ended
};

/// Not shared by threads: one for each loop.
class NonblockingExchange {
 public:
  using Clock = std::chrono::steady_clock;

  /// Counts for `worker`. The references in `serving` are kept.
  NonblockingExchange(const server::Serving& serving, unsigned worker);

  /// At most one recv, the work, one send. EOF gives `close`: all that came before has been
  /// answered. Harmless where nothing has come, or an answer still waits. An edge-triggered caller
  /// calls it until it says something other than `again`, or than `read` where the event told of
  /// the peer's end (which is told once, perhaps together with its last bytes).
  WaitFor on_readable(Connection& connection);
  /// Sends more of what was kept; harmless where nothing was.
  WaitFor on_writable(Connection& connection);

  /// When the first of those that sleep is to be woken; unset: none sleeps.
  [[nodiscard]] std::optional<Clock::time_point> next_wake() const;
  /// The descriptor of one whose sleep is over at `now`, or -1; on_wake is to apply. A peer that
  /// sleeps must not be closed otherwise, or its number would come up here as someone else's.
  int take_awake(Clock::time_point now);
  /// Sends what was held back.
  WaitFor on_wake(Connection& connection);

  /// Waits for its connection, and has for too long. What we make wait ourselves is not idle.
  [[nodiscard]] bool is_idle(const Connection& connection) const {
    return clock_.expired(connection.last) && !(connection.pending && connection.pending->sleeps);
  }
  /// The loop advances it once a period; a new connection's `last` is its now().
  [[nodiscard]] server::IdleClock& clock() { return clock_; }
  [[nodiscard]] const server::IdleClock& clock() const { return clock_; }

 private:
  struct Sleeper {
    Clock::time_point due;
    int fd;
  };

  WaitFor answer(Connection& connection, std::span<std::byte> question);
  WaitFor put_to_sleep(Connection& connection, std::span<const std::byte> answer);
  WaitFor send_pending(Connection& connection);

  const server::Serving& serving_;
  unsigned worker_;
  server::IdleClock clock_;
  std::size_t buffer_size_;
  std::unique_ptr<std::byte[]> buffer_;
  std::deque<Sleeper> sleepers_;  ///< in the order of their ends, for all sleep equally long
};

}  // namespace echo_async
