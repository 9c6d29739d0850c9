// The connections of a loop that one thread runs, and the list of them that a stop and the idle
// scan go through. A model derives its connections from AsioConnection, or keeps one on the stack
// or in the frame that serves it.
#pragma once

#include <boost/asio/defer.hpp>
#include <boost/asio/post.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <utility>

#include "echo_async/asio/connection_socket.hpp"
#include "echo_async/asio/idle_scan.hpp"
#include "echo_async/asio/socket.hpp"
#include "protocol/protocol.hpp"
#include "server/model.hpp"
#include "server/send_queue.hpp"

namespace echo_async {

class ConnectionList;

/// A connection being served: counted as open and listed from its construction to its destruction,
/// which closes it. Closing sends the FIN: by then everything received has been echoed. In a drain
/// a LateChain takes its place if its peer has not read the echoes. What is not sent then is not
/// counted.
class AsioConnection : public ConnectionSocket,
                       public boost::intrusive::list_base_hook<
                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  AsioConnection(Socket socket, ConnectionList& list);
  AsioConnection(TakeOver, AsioConnection& ended) noexcept;
  ~AsioConnection();

  [[nodiscard]] const server::Serving& serving() const;
  /// A byte was received or sent, or a sleep ended: the connection is not idle.
  void touch();
  /// The protocol's turn when `got` was read. Nothing: it goes on by itself, or the deadline is
  /// over.
  [[nodiscard]] protocol::Turn answer_to(std::span<std::byte> got) {
    if (serving().protocol.echoes()) [[likely]]
      return {got, 1, protocol::After::read};
    return next_turn(got);
  }
  /// Whether its next turn is due without a read.
  [[nodiscard]] bool goes_on() const { return goes_on_; }
  /// Counts a part of a turn's bytes, of which the rest could not be sent yet.
  void sent(std::size_t bytes) {
    touch();
    waits_ = Waits::to_send;
    serving().counters.echoed(0, 0, bytes);
  }
  /// Counts a turn that was sent completely, and those of its bytes that sent() has not counted.
  void answered(const protocol::Turn& turn, std::size_t bytes);
  /// Does what the protocol wants after a turn, but does not read. False: the connection must end.
  [[nodiscard]] bool stays_after(protocol::After after) {
    return after == protocol::After::read || carries_out(after);
  }
  /// Whether there is a turn although a read has failed: answer_to() is to be called with nothing.
  [[nodiscard]] bool has_turn(error_code error = asio::error::operation_aborted) const;
  /// Reads some bytes into `room`, as an Asio operation that calls handler(error, received). It
  /// begins immediately, or when all connections that are ready now have had their turn
  /// (ConnectionList::reads_in_turn()). Where the protocol goes on by itself, it reads nothing, and
  /// calls handler() after that turn of the others.
  template <typename Handler>
  void read_some(std::span<std::byte> room, Handler&& handler);
  /// Waits for --work sleep:, as an Asio operation. This time does not count as idle. Not inlined
  /// into the path of each echo.
  template <typename Token>
  [[gnu::noinline]] auto sleep(std::chrono::nanoseconds time, Token&& token) {
    waits_ = Waits::for_server;
    return wait(time, std::forward<Token>(token));
  }
  /// Waits until all connections that are ready now have had their turn, as an Asio operation.
  template <typename Token>
  auto in_turn(Token&& token) {
    waits_ = Waits::for_server;
    return asio::post(socket().get_executor(), std::forward<Token>(token));
  }

 private:
  friend class ConnectionList;

  enum class Waits : std::uint8_t { to_read, to_send, for_server };

  protocol::Turn next_turn(std::span<std::byte> got);
  bool carries_out(protocol::After after);

  /// Shuts reading down: what is queued is still echoed, then the connection reads EOF and ends.
  void drain();
  void close_now();
  /// Whether the socket is passed on, because a drain must wait for the peer.
  bool continues();
  /// Closes it if it is idle, or does not read until its deadline; interrupts its read at the
  /// deadline.
  void check_times(Clock::time_point now);

  ConnectionList& list_;
  server::IdleClock::Tick last_touch_;
  Waits waits_ = Waits::to_read;
  bool goes_on_ = false;   ///< the protocol, before anything is read
  bool finished_ = false;  ///< by the protocol, which has sent all
};

class ConnectionList {
 public:
  /// `when_empty` is called once after drain() or close_all(), when no connection is left.
  ConnectionList(const server::Serving& serving, const IdleScan& idle,
                 std::function<void()> when_empty)
      : serving_(serving),
        idle_(idle),
        when_empty_(std::move(when_empty)),
        late_(serving.options.socket.idle_timeout, serving.counters) {}

  /// Lets all connections finish.
  void drain();
  /// A forced stop: closes all connections, which count as open at the stop.
  void close_all();
  /// Looks for those that are idle for longer than --idle-timeout, or whose deadline is over.
  void check_times();

  /// Whether a connection that has replied reads again after all other ready connections had their
  /// turn (asio::defer), and not immediately. Asio tries each read before it waits. Immediately
  /// after the reply the peer has not sent its next message yet, and the attempt is in vain: a
  /// third of the system calls of an echo. A turn later the message has often arrived, and the
  /// event that reports it then costs no call. With few connections the turn itself costs one; with
  /// many, connections with fast peers would be served again and again while others wait for epoll
  /// to report them (p99 with 10,000 connections: 0.87 s with deferred reads, 0.18 s without).
  /// In a drain a read returns EOF only where nothing has arrived, so it is not deferred: with
  /// peers that answer within a turn, the drain would not end.
  [[nodiscard]] bool reads_in_turn() const { return count_ >= few && count_ <= in_turn_up_to_; }

 private:
  friend class AsioConnection;

  void end_if_empty();

  static constexpr std::size_t few = 16;
  static constexpr std::size_t many = 2048;
  std::size_t in_turn_up_to_ = many;  ///< none in a drain

  const server::Serving& serving_;
  const IdleScan& idle_;
  const std::function<void()> when_empty_;
  server::LateReaders late_;
  bool draining_ = false;
  bool forced_ = false;
  std::size_t count_ = 0;  ///< of connections_
  boost::intrusive::list<AsioConnection, boost::intrusive::constant_time_size<false>> connections_;
};

inline const server::Serving& AsioConnection::serving() const {
  return list_.serving_;
}

inline void AsioConnection::touch() {
  waits_ = Waits::to_read;
  last_touch_ = list_.idle_.clock().now();
}

inline void AsioConnection::answered(const protocol::Turn& turn, std::size_t bytes) {
  touch();
  serving().counters.echoed(0, turn.messages, bytes);
}

template <typename Handler>
void AsioConnection::read_some(std::span<std::byte> room, Handler&& handler) {
  if (goes_on_) [[unlikely]]
    return in_turn(std::forward<Handler>(handler));
  auto read = [this, room, handler = std::forward<Handler>(handler)]() mutable {
    socket().async_read_some(asio::buffer(room.data(), room.size()), std::move(handler));
  };
  if (!list_.reads_in_turn()) return read();
  asio::defer(socket().get_executor(), [read = std::move(read), &serving = serving()]() mutable {
    try {
      read();
    } catch (const std::exception&) {  // the handler and the connection that it held have ended
      serving.counters.shed(server::Shed::exception);
    }
  });
}

}  // namespace echo_async
