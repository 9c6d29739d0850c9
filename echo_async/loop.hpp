// One io_context on one thread, and all that a model of it needs beside the way in which it runs a
// connection: the door, who is there, the drain, the idle scan. A model derives its sessions from
// Connection, or keeps one on the stack or frame of whatever serves it.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "echo/model.hpp"
#include "echo_async/door.hpp"
#include "echo_async/idle_scan.hpp"
#include "echo_async/socket.hpp"
#include "echo_async/stop_signs.hpp"

namespace echo_async {

class Loop;

/// A socket that is being served: counted open, known to its loop, from its construction to its
/// destruction, which closes it. Closing sends the FIN: by then all that came has been echoed.
class Connection : public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Connection(Socket socket, Loop& loop);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] Loop& loop() { return loop_; }

  /// Sends what the kernel takes at once, nearly always all of it: so much saves a trip through the
  /// scheduler, behind all others that are ready. Returns what is left for async_write, which then
  /// meets the error as well, if that is why it is left.
  [[nodiscard]] std::span<const std::byte> send_now(std::span<const std::byte> reply) {
    error_code ignored;
    return reply.subspan(socket_.write_some(asio::buffer(reply.data(), reply.size()), ignored));
  }
  /// To be called when a byte came or went, and after a nap: the peer is not idle.
  void touch();
  /// A wait of our own (--work sleep:), as an operation of Asio; it is not the peer's silence.
  template <typename Token>
  auto nap(std::chrono::nanoseconds time, Token&& token) {
    if (!nap_) nap_ = std::make_unique<Timer>(socket_.get_executor());
    nap_->expires_after(time);
    naps_ = true;
    return nap_->async_wait(std::forward<Token>(token));
  }

 private:
  friend class Loop;

  /// Lets the reader see EOF after what is queued: it is echoed, and then the connection ends.
  void drain();
  /// Ends whatever operation is pending with an error.
  void cut();
  [[nodiscard]] bool is_idle() const;

  Socket socket_;
  Loop& loop_;
  std::unique_ptr<Timer> nap_;  ///< only with --work sleep:
  echo::IdleClock::Tick last_touch_;
  bool naps_ = false;
};

class Loop {
 public:
  explicit Loop(const echo::Serving& serving);

  /// Calls `enter` for each connection that may be served, until the stop; returns when none is
  /// left. What has no memory to be served is counted and closed.
  void run(std::function<void(Socket)> enter);

  [[nodiscard]] const echo::Serving& serving() const { return serving_; }
  [[nodiscard]] const echo::IdleClock& clock() const { return idle_.clock(); }
  [[nodiscard]] Executor executor() { return io_.get_executor(); }

 private:
  friend class Connection;

  void drain();
  void cut();
  void close_idle();
  /// With the last connection gone, waits of our own are all that keeps run() from returning.
  void leave_when_empty();

  const echo::Serving& serving_;
  // One thread: Asio leaves its locks out, four for each message.
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::function<void(Socket)> enter_;
  Door door_;
  StopSigns stop_;
  IdleScan idle_;
  bool draining_ = false;
  bool forced_ = false;
  boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>> connections_;
};

inline void Connection::touch() {
  naps_ = false;
  last_touch_ = loop_.clock().now();
}

}  // namespace echo_async
