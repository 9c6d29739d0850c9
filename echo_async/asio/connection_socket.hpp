// A socket, and the operations on it that every Asio model shares.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "echo_async/asio/socket.hpp"
#include "protocol/protocol.hpp"

namespace echo_async {

/// Selects the constructor of a connection that takes the place of another (late_chain.hpp).
struct TakeOver {};

class ConnectionSocket {
 public:
  /// Throws boost::system::system_error when the socket cannot be made non-blocking: send_now()
  /// would then wait for this peer alone.
  explicit ConnectionSocket(Socket socket) : socket_(std::move(socket)) {
    socket_.non_blocking(true);  // Asio does it with the first read, but for itself only
  }
  ConnectionSocket(TakeOver /*tag*/, ConnectionSocket& ended) noexcept
      : socket_(std::move(ended.socket_)), conversation_(std::move(ended.conversation_)) {}
  ConnectionSocket(const ConnectionSocket&) = delete;
  ConnectionSocket& operator=(const ConnectionSocket&) = delete;

  [[nodiscard]] Socket& socket() { return socket_; }
  /// Sends what the kernel takes immediately, nearly always all of it. That saves a pass through
  /// the scheduler, behind all other handlers that are ready. Returns what is left for send_rest(),
  /// which then reports the error, if there was one.
  [[nodiscard]] std::span<const std::byte> send_now(std::span<const std::byte> reply) {
    error_code ignored;
    return reply.subspan(socket_.write_some(asio::buffer(reply.data(), reply.size()), ignored));
  }
  /// Reads what has come, without waiting; 0: nothing, EOF or an error. For a connection that has
  /// read EOF: Asio would wait for another event before it tries to read again, and none comes.
  [[nodiscard]] std::size_t read_now(std::span<std::byte> room) {
    error_code ignored;
    return socket_.read_some(asio::buffer(room.data(), room.size()), ignored);
  }

  /// Shuts the connection down in both directions, so that it ends now and a drain does not wait
  /// for its peer. After an exception, whose reply is missing.
  void abandon() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_both, ignored);
  }

 protected:
  using Clock = protocol::Conversation::Clock;

  ~ConnectionSocket() = default;

  [[nodiscard]] bool is_overdue(Clock::time_point now) const {
    return conversation_ && conversation_->deadline() <= now;
  }
  [[nodiscard]] bool has_deadline() const {
    return conversation_ && conversation_->deadline() != Clock::time_point::max();
  }
  [[nodiscard]] protocol::ConversationSlot& conversation() { return conversation_; }
  [[nodiscard]] const protocol::ConversationSlot& conversation() const { return conversation_; }
  /// Sends FIN, and reads on.
  void send_fin() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
  }
  /// Lets close() send RST.
  void reset_at_close() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
  }

  /// Waits as an Asio operation. The timer is created by the first wait: few connections need one.
  template <typename Token>
  auto wait(std::chrono::nanoseconds time, Token&& token) {
    if (!timer_) timer_ = std::make_unique<Timer>(socket_.get_executor());
    timer_->expires_after(time);
    return timer_->async_wait(std::forward<Token>(token));
  }
  /// Closes the socket. Any pending operation ends with an error.
  void close() {
    error_code ignored;
    socket_.close(ignored);
    if (timer_) timer_->cancel();
  }

 private:
  Socket socket_;
  std::unique_ptr<Timer> timer_;
  protocol::ConversationSlot conversation_;
};

/// Sends all that send_now() has left of a reply, as an Asio operation. It does what async_write
/// does, and calls connection.sent(bytes) for each part that the kernel has taken: a connection may
/// end before the rest, and no handler is called then.
template <typename Connection, typename Token>
[[gnu::noinline]] auto send_rest(Connection& connection, std::span<const std::byte> rest,
                                 Token&& token) {
  auto send = [&connection, rest](auto& operation, error_code error = {},
                                  std::size_t taken = 0) mutable {
    if (taken > 0) connection.sent(taken);
    rest = rest.subspan(taken);
    if (error == asio::error::operation_aborted && connection.socket().is_open()) error = {};
    if (error || rest.empty()) return operation.complete(error);
    connection.socket().async_write_some(asio::buffer(rest.data(), rest.size()),
                                         std::move(operation));
  };
  return asio::async_compose<Token, void(error_code)>(std::move(send), token, connection.socket());
}

}  // namespace echo_async
