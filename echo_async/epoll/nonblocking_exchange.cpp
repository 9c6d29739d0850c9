#include "echo_async/epoll/nonblocking_exchange.hpp"

#include <cerrno>
#include <exception>

#include "echo/socket.hpp"

namespace echo_async {
namespace {

/// Sends what the kernel takes now: 0 if nothing, -1 if the connection can no longer be written to.
ssize_t send_some(int fd, std::span<const std::byte> bytes) {
  for (;;) {
    const ssize_t sent = echo::raw_send(fd, bytes);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) return -1;
  }
}

}  // namespace

NonblockingExchange::NonblockingExchange(const server::Serving& serving, unsigned worker)
    : serving_(serving),
      worker_(worker),
      clock_(serving.options.socket.idle_timeout),
      buffer_size_(serving.options.buffer_size),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size_)) {}

WaitFor NonblockingExchange::on_readable(Connection& connection) {
  if (connection.pending) return connection.pending->sleeps ? WaitFor::sleep : WaitFor::write;
  const ssize_t received = echo::raw_receive(connection.fd, {buffer_.get(), buffer_size_});
  if (received < 0) {
    if (errno == EINTR) return WaitFor::again;
    return errno == EAGAIN ? WaitFor::read : WaitFor::close;
  }
  if (received == 0) return WaitFor::eof;
  connection.last = clock_.now();
  try {
    return serve_message(connection, std::span(buffer_.get(), static_cast<std::size_t>(received)));
  } catch (const std::exception&) {  // a bug or no memory ends this connection only
    serving_.counters.shed(server::Shed::exception);
    return WaitFor::close;
  }
}

WaitFor NonblockingExchange::serve_message(Connection& connection, std::span<std::byte> message) {
  serving_.work.compute();
  const auto reply = serving_.protocol.reply_to(message);
  if (serving_.work.sleeps()) return delay_reply(connection, reply);
  const ssize_t sent = send_some(connection.fd, reply);
  if (sent < 0) return WaitFor::close;
  const auto rest = reply.subspan(static_cast<std::size_t>(sent));
  if (!rest.empty()) {
    connection.pending = std::make_unique<PendingReply>(
        PendingReply{.bytes = {reply.begin(), reply.end()}, .sent = reply.size() - rest.size()});
    return WaitFor::write;
  }
  serving_.counters.echoed(worker_, 1, reply.size());
  return message.size() == buffer_size_ ? WaitFor::again : WaitFor::read;
}

WaitFor NonblockingExchange::delay_reply(Connection& connection, std::span<const std::byte> reply) {
  connection.pending = std::make_unique<PendingReply>(
      PendingReply{.bytes = {reply.begin(), reply.end()}, .sleeps = true});
  sleepers_.push_back({Clock::now() + serving_.work.amount(), connection.fd});
  return WaitFor::sleep;
}

std::optional<NonblockingExchange::Clock::time_point> NonblockingExchange::next_wake() const {
  if (sleepers_.empty()) return std::nullopt;
  return sleepers_.front().due;
}

int NonblockingExchange::take_woken(Clock::time_point now) {
  if (sleepers_.empty() || sleepers_.front().due > now) return -1;
  const int fd = sleepers_.front().fd;
  sleepers_.pop_front();
  return fd;
}

WaitFor NonblockingExchange::on_wake(Connection& connection) {
  connection.pending->sleeps = false;
  connection.last = clock_.now();
  return send_pending(connection);
}

WaitFor NonblockingExchange::on_writable(Connection& connection) {
  if (!connection.pending) return WaitFor::read;
  return connection.pending->sleeps ? WaitFor::sleep : send_pending(connection);
}

WaitFor NonblockingExchange::send_pending(Connection& connection) {
  PendingReply& reply = *connection.pending;
  const ssize_t sent = send_some(connection.fd, std::span(reply.bytes).subspan(reply.sent));
  if (sent < 0) return WaitFor::close;
  if (sent > 0) connection.last = clock_.now();
  reply.sent += static_cast<std::size_t>(sent);
  if (reply.sent < reply.bytes.size()) return WaitFor::write;
  serving_.counters.echoed(worker_, 1, reply.bytes.size());
  connection.pending.reset();
  return WaitFor::again;  // nothing was read meanwhile, and the kernel has reported what came
}

}  // namespace echo_async
