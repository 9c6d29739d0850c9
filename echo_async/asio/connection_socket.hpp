// A socket, and what is done on it the same way by every Asio model.
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
  explicit ConnectionSocket(Socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);  // Asio would do it with the first read, for itself alone
  }
  ConnectionSocket(const ConnectionSocket&) = delete;
  ConnectionSocket& operator=(const ConnectionSocket&) = delete;

  [[nodiscard]] Socket& socket() { return socket_; }
  /// Sends what the kernel takes at once, nearly always all of it: so much saves a trip through the
  /// scheduler, behind all others that are ready. Returns what is left for async_write, which then
  /// meets the error as well, if that is why it is left.
  [[nodiscard]] std::span<const std::byte> send_now(std::span<const std::byte> reply) {
    error_code ignored;
    return reply.subspan(socket_.write_some(asio::buffer(reply.data(), reply.size()), ignored));
  }

 protected:
  ~ConnectionSocket() = default;

  /// Waits as an operation of Asio. The timer is made with the first wait: few ever need one.
  template <typename Token>
  auto wait(std::chrono::nanoseconds time, Token&& token) {
    if (!timer_) timer_ = std::make_unique<Timer>(socket_.get_executor());
    timer_->expires_after(time);
    return timer_->async_wait(std::forward<Token>(token));
  }
  /// Ends whatever operation is pending with an error.
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
