// The connections of a loop that one thread runs, and the list of them that a stop and the idle
// scan go through. A model derives its connections from AsioConnection, or keeps one on the stack
// or in the frame that serves it.
#pragma once

#include <boost/asio/defer.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <span>
#include <utility>

#include "echo_async/asio/connection_socket.hpp"
#include "echo_async/asio/idle_scan.hpp"
#include "echo_async/asio/socket.hpp"
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
  /// Counts a part of a reply.
  void sent(std::size_t bytes) { serving().counters.echoed(0, 0, bytes); }
  /// Counts a reply that was sent completely, and those of its bytes that sent() has not counted.
  void echoed(std::size_t bytes);
  /// Reads some bytes into `room`, as an Asio operation that calls handler(error, received). It
  /// begins immediately, or when all connections that are ready now have had their turn
  /// (ConnectionList::reads_in_turn()).
  template <typename Handler>
  void read_some(std::span<std::byte> room, Handler&& handler);
  /// Waits for --work sleep:, as an Asio operation. This time does not count as idle.
  template <typename Token>
  auto sleep(std::chrono::nanoseconds time, Token&& token) {
    sleeping_ = true;
    return wait(time, std::forward<Token>(token));
  }

 private:
  friend class ConnectionList;

  /// Shuts reading down: what is queued is still echoed, then the connection reads EOF and ends.
  void drain();
  void close_now();
  /// Whether the socket is passed on, because a drain must wait for the peer.
  bool continues();
  [[nodiscard]] bool is_idle();

  ConnectionList& list_;
  server::IdleClock::Tick last_touch_;
  bool sleeping_ = false;
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
  /// Closes those that are idle for longer than --idle-timeout.
  void close_idle();

  /// Whether a connection that has replied reads again after all other ready connections had their
  /// turn (asio::defer), and not immediately. Asio tries each read before it waits. Immediately
  /// after the reply the peer has not sent its next message yet, and the attempt is in vain: a
  /// third of the system calls of an echo. A turn later the message has often arrived, and the
  /// event that reports it then costs no call. With few connections the turn itself costs one; with
  /// many, connections with fast peers would be served again and again while others wait for epoll
  /// to report them (p99 with 10,000 connections: 0.87 s with deferred reads, 0.18 s without).
  [[nodiscard]] bool reads_in_turn() const { return count_ >= few && count_ <= many; }

 private:
  friend class AsioConnection;

  void end_if_empty();

  static constexpr std::size_t few = 16;
  static constexpr std::size_t many = 2048;

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
  sleeping_ = false;
  last_touch_ = list_.idle_.clock().now();
}

inline void AsioConnection::echoed(std::size_t bytes) {
  touch();
  serving().counters.echoed(0, 1, bytes);
}

template <typename Handler>
void AsioConnection::read_some(std::span<std::byte> room, Handler&& handler) {
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
