// The non-blocking exchange on one connection, for loops that know (or guess) that a descriptor is
// ready: select, busy-poll, the nested epoll.
//
// One buffer serves all connections of a loop, because a reply nearly always goes out in the call
// that read the message: an idle connection costs its Connection, 16 bytes. Only a reply that
// cannot go out immediately (the peer does not read, or --work sleep delays it) is copied into its
// own block. Until that block is sent nothing more is read: that bounds the block and is the
// back-pressure. What else is unfinished, the protocol's conversation, is kept with it. The loop
// does the waiting; each call returns what to wait for (WaitFor).
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/protocol.hpp"
#include "server/idle.hpp"
#include "server/model.hpp"

namespace echo_async {

/// A reply that could not be sent yet.
struct PendingReply {
  std::vector<std::byte> bytes;
  std::size_t sent = 0;
  std::uint32_t messages = 0;  ///< that it answers
  protocol::After after = protocol::After::read;
  bool sleeps = false;   ///< delayed by --work sleep; otherwise the peer's buffers are full
  bool watched = false;  ///< for an edge-triggered loop: it watches for room already
};

/// What of a connection is unfinished: a reply, the protocol's conversation, or both.
struct Unfinished {
  std::optional<PendingReply> reply;
  protocol::ConversationSlot conversation;
};

/// The state of a connection in its loop. `fd` is not owned: the table of the loop closes it.
struct Connection {
  int fd = -1;
  server::IdleClock::Tick last = 0;  ///< tick of the last byte received or sent
  std::unique_ptr<Unfinished> unfinished;

  /// Nullptr: none.
  [[nodiscard]] PendingReply* pending() const {
    return unfinished && unfinished->reply ? &*unfinished->reply : nullptr;
  }
};
static_assert(sizeof(Connection) == 16);

/// What a connection waits for, and so what the loop has to watch for.
enum class WaitFor {
  read,    ///< bytes; the socket was emptied
  again,   ///< bytes, and some may be there already: an edge-triggered loop must read again now
  write,   ///< room for the rest of its reply: on_writable
  sleep,   ///< the end of its sleep, nothing else: on_wake when it is due
  eof,     ///< nothing more to read: ConnectionTable::end
  finish,  ///< nothing: the protocol has ended it, ConnectionTable::finish
  close    ///< nothing: it has failed, or is idle
};

/// Not shared by threads: one per loop.
class NonblockingExchange {
 public:
  using Clock = std::chrono::steady_clock;

  /// Counts for `worker`. The references in `serving` are kept.
  NonblockingExchange(const server::Serving& serving, unsigned worker);

  /// Does at most one recv, the work, one send. Returns `eof` when everything before it has been
  /// answered. Has no effect if nothing has come, or a reply is still pending. An
  /// edge-triggered caller repeats the call while it returns `again`, and also while it returns
  /// `read` if the event reported the end of the peer's stream (which is reported once, perhaps
  /// together with its last bytes).
  WaitFor on_readable(Connection& connection);
  /// Sends more of the pending reply; has no effect without one.
  WaitFor on_writable(Connection& connection);
  /// Whether the deadline of its conversation is over: on_deadline() is to be called. Not while the
  /// server delays the reply itself.
  [[nodiscard]] static bool is_overdue(const Connection& connection, Clock::time_point now);
  WaitFor on_deadline(Connection& connection);

  /// When the first sleep ends; unset: none sleeps.
  [[nodiscard]] std::optional<Clock::time_point> next_wake() const;
  /// Removes one connection whose sleep is over at `now` from the sleepers and returns its
  /// descriptor, or -1; the caller then calls on_wake. A sleeping connection must not be closed
  /// otherwise: its number would be returned here as that of another connection.
  int take_woken(Clock::time_point now);
  /// Sends the delayed reply.
  WaitFor on_wake(Connection& connection);

  /// Whether no byte was received or sent for the idle timeout. A connection whose reply the server
  /// itself delays is not idle, nor is one whose conversation has a deadline.
  [[nodiscard]] bool is_idle(const Connection& connection) const;
  /// The loop advances it once per period; a new connection's `last` is its now().
  [[nodiscard]] server::IdleClock& clock() { return clock_; }
  [[nodiscard]] const server::IdleClock& clock() const { return clock_; }

 private:
  struct Sleeper {
    Clock::time_point due;
    int fd;
  };

  /// The same with another protocol than the echo.
  [[gnu::noinline]] WaitFor on_received(Connection& connection, std::span<std::byte> got,
                                        WaitFor then);
  /// Calls `say(slot)`, which returns a turn, with the slot of the connection.
  template <typename Say>
  protocol::Turn converse(Connection& connection, Say say);
  /// The work and the bytes of a turn, and of those that follow it. `then`: what to wait for when
  /// all is sent and the protocol reads on.
  WaitFor answer(Connection& connection, protocol::Turn turn, WaitFor then);
  /// Inlined, because each echo goes through it. WaitFor::read: all is sent.
  [[gnu::always_inline]] inline WaitFor send_turn(Connection& connection,
                                                  const protocol::Turn& turn);
  static WaitFor after_turn(const Connection& connection, protocol::After after, WaitFor then);
  protocol::Turn next_turn(Connection& connection);
  WaitFor send_pending(Connection& connection);
  /// Keeps a copy of the bytes that are not sent.
  static PendingReply& keep(Connection& connection, const protocol::Turn& turn, std::size_t sent);
  /// What `step` throws (a bug, or no memory) ends this connection only.
  template <typename Step>
  WaitFor guarded(Step step);

  const server::Serving& serving_;
  unsigned worker_;
  server::IdleClock clock_;
  std::size_t buffer_size_;
  std::unique_ptr<std::byte[]> buffer_;
  std::deque<Sleeper> sleepers_;  ///< in the order of their ends, because all sleep equally long
};

}  // namespace echo_async
