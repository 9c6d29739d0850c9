// One io_context on one thread, and all that a model of it needs besides the code that runs a
// connection: the acceptor, the list of connections, the drain, the idle scan. A model derives its
// connections from AsioConnection, or keeps one on the stack or in the frame that serves it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>

#include "echo_async/asio/asio_acceptor.hpp"
#include "echo_async/asio/connection_socket.hpp"
#include "echo_async/asio/idle_scan.hpp"
#include "echo_async/asio/socket.hpp"
#include "echo_async/asio/stop_events.hpp"
#include "server/model.hpp"

namespace echo_async {

class Loop;

/// A connection being served: counted as open and listed in its loop from its construction to its
/// destruction, which closes it. Closing sends the FIN: by then everything received has been
/// echoed.
class AsioConnection : public ConnectionSocket,
                       public boost::intrusive::list_base_hook<
                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  AsioConnection(Socket socket, Loop& loop);
  ~AsioConnection();

  [[nodiscard]] const server::Serving& serving() const;
  /// A byte was received or sent, or a sleep ended: the connection is not idle.
  void touch();
  /// Counts a reply that was sent completely.
  void echoed(std::size_t bytes);
  /// Whether the next read waits for the turns of all connections that are ready now: see Loop.
  [[nodiscard]] bool reads_in_turn() const;
  /// Waits for --work sleep:, as an Asio operation. This time does not count as idle.
  template <typename Token>
  auto sleep(std::chrono::nanoseconds time, Token&& token) {
    sleeping_ = true;
    return wait(time, std::forward<Token>(token));
  }

 private:
  friend class Loop;

  /// Shuts reading down: what is queued is still echoed, then the connection reads EOF and ends.
  void drain();
  void close_now() { close(); }
  [[nodiscard]] bool is_idle();

  Loop& loop_;
  server::IdleClock::Tick last_touch_;
  bool sleeping_ = false;
};

class Loop {
 public:
  explicit Loop(const server::Serving& serving);

  /// Calls `serve` for each admitted connection until the stop; returns when none is left.
  void run(std::function<void(Socket)> serve);

  [[nodiscard]] const server::Serving& serving() const { return serving_; }
  [[nodiscard]] const server::IdleClock& clock() const { return idle_.clock(); }
  [[nodiscard]] Executor executor() { return io_.get_executor(); }
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

  void drain();
  void force_stop();
  void close_idle();
  /// After the last connection has ended, cancels the waits of the loop itself, which alone keep
  /// run() from returning.
  void stop_when_empty();

  static constexpr std::size_t few = 16;
  static constexpr std::size_t many = 2048;

  const server::Serving& serving_;
  // One thread: Asio omits its locks, four per message.
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  Strand strand_{io_.get_executor()};
  std::function<void(Socket)> serve_;
  AsioAcceptor acceptor_;
  StopEvents stop_;
  IdleScan idle_;
  bool draining_ = false;
  bool forced_ = false;
  std::size_t count_ = 0;  ///< of connections_
  boost::intrusive::list<AsioConnection, boost::intrusive::constant_time_size<false>> connections_;
};

inline const server::Serving& AsioConnection::serving() const {
  return loop_.serving();
}

inline bool AsioConnection::reads_in_turn() const {
  return loop_.reads_in_turn();
}

inline void AsioConnection::touch() {
  sleeping_ = false;
  last_touch_ = loop_.clock().now();
}

inline void AsioConnection::echoed(std::size_t bytes) {
  touch();
  serving().counters.echoed(0, 1, bytes);
}

}  // namespace echo_async
