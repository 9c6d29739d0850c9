// One io_context on one thread, and all that a model of it needs beside the way in which it runs a
// connection: the door, who is there, the drain, the idle scan. A model derives its sessions from
// AsioConnection, or keeps one on the stack or frame of whatever serves it.
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

/// A socket that is being served: counted open, known to its loop, from its construction to its
/// destruction, which closes it. Closing sends the FIN: by then all that came has been echoed.
class AsioConnection : public ConnectionSocket,
                       public boost::intrusive::list_base_hook<
                           boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  AsioConnection(Socket socket, Loop& loop);
  ~AsioConnection();

  [[nodiscard]] const server::Serving& serving() const;
  /// A byte came, or could be sent, or a sleep ended: the peer is not idle.
  void touch();
  /// A whole reply went out.
  void echoed(std::size_t bytes);
  /// Whether the next read is to wait for all that is ready now: see Loop.
  [[nodiscard]] bool reads_in_turn() const;
  /// A wait of our own (--work sleep:), as an operation of Asio; it is not the peer's silence.
  template <typename Token>
  auto sleep(std::chrono::nanoseconds time, Token&& token) {
    sleeping_ = true;
    return wait(time, std::forward<Token>(token));
  }

 private:
  friend class Loop;

  /// Lets the reader see EOF after what is queued: it is echoed, and then the connection ends.
  void drain();
  void cut() { close(); }
  [[nodiscard]] bool is_idle();

  Loop& loop_;
  server::IdleClock::Tick last_touch_;
  bool sleeping_ = false;
};

class Loop {
 public:
  explicit Loop(const server::Serving& serving);

  /// Calls `serve` for each connection that may be served, until the stop; returns when none is
  /// left.
  void run(std::function<void(Socket)> serve);

  [[nodiscard]] const server::Serving& serving() const { return serving_; }
  [[nodiscard]] const server::IdleClock& clock() const { return idle_.clock(); }
  [[nodiscard]] Executor executor() { return io_.get_executor(); }
  /// Whether an answered connection reads when all others that are ready have had their turn
  /// (asio::defer), and not at once. Asio tries each read before it waits. At once the peer has
  /// not said more yet, and the attempt is in vain: a third of an echo's system calls. A turn
  /// later it often has, and the event that tells of it then costs no call. With few connections
  /// the turn itself costs one; with many, those that answer fast would be served again and again
  /// while others wait for epoll to tell of them (p99 of 0.87 s with 10,000, 0.18 s without).
  [[nodiscard]] bool reads_in_turn() const { return count_ >= few && count_ <= many; }

 private:
  friend class AsioConnection;

  void drain();
  void cut();
  void close_idle();
  /// With the last connection gone, waits of our own are all that keeps run() from returning.
  void leave_when_empty();

  static constexpr std::size_t few = 16;
  static constexpr std::size_t many = 2048;

  const server::Serving& serving_;
  // One thread: Asio leaves its locks out, four for each message.
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
