// A socket, and the operations on it that every Asio model shares.
#pragma once

#include <boost/asio/buffer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "echo_async/asio/socket.hpp"

namespace echo_async {

class ConnectionSocket {
 public:
  /// Throws boost::system::system_error when the socket cannot be made non-blocking: send_now()
  /// would then wait for this peer alone.
  explicit ConnectionSocket(Socket socket) : socket_(std::move(socket)) {
    socket_.non_blocking(true);  // Asio does it with the first read, but for itself only
  }
  ConnectionSocket(const ConnectionSocket&) = delete;
  ConnectionSocket& operator=(const ConnectionSocket&) = delete;

  [[nodiscard]] Socket& socket() { return socket_; }
  /// Sends what the kernel takes immediately, nearly always all of it. That saves a pass through
  /// the scheduler, behind all other handlers that are ready. Returns what is left for async_write,
  /// which then reports the error, if there was one.
  [[nodiscard]] std::span<const std::byte> send_now(std::span<const std::byte> reply) {
    error_code ignored;
    return reply.subspan(socket_.write_some(asio::buffer(reply.data(), reply.size()), ignored));
  }

 protected:
  ~ConnectionSocket() = default;

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
};

}  // namespace echo_async
