#include "echo_async/epoll/nonblocking_exchange.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <utility>

#include "echo/socket.hpp"

namespace echo_async {
namespace {

using protocol::After;

/// Turns of one connection in a row: an answer without end must not block other connections.
constexpr int turns_in_a_row = 64;

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
      clock_(serving.options.socket.idle_timeout, serving.protocol.shortest_timeout()),
      buffer_size_(serving.options.buffer_size),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_size_)) {}

template <typename Step>
WaitFor NonblockingExchange::guarded(Step step) {
  try {
    return step();
  } catch (const std::exception&) {
    serving_.counters.shed(server::Shed::exception);
    return WaitFor::close;
  }
}

WaitFor NonblockingExchange::send_turn(Connection& connection, const protocol::Turn& turn) {
  if (serving_.work.suspends(turn.messages)) {
    keep(connection, turn, 0).sleeps = true;
    sleepers_.push_back({Clock::now() + serving_.work.amount(), connection.fd});
    return WaitFor::sleep;
  }
  if (!turn.bytes.empty()) {
    const ssize_t sent = send_some(connection.fd, turn.bytes);
    if (sent < 0) return WaitFor::close;
    if (static_cast<std::size_t>(sent) < turn.bytes.size()) {
      keep(connection, turn, static_cast<std::size_t>(sent));
      return WaitFor::write;
    }
  }
  serving_.counters.echoed(worker_, turn.messages, turn.bytes.size());
  return WaitFor::read;
}

WaitFor NonblockingExchange::on_readable(Connection& connection) {
  if (const PendingReply* reply = connection.pending())
    return reply->sleeps ? WaitFor::sleep : WaitFor::write;
  const ssize_t received = echo::raw_receive(connection.fd, {buffer_.get(), buffer_size_});
  if (received < 0) {
    if (errno == EINTR) return WaitFor::again;
    return errno == EAGAIN ? WaitFor::read : WaitFor::close;
  }
  if (received == 0) return WaitFor::eof;
  connection.last = clock_.now();
  const std::span got(buffer_.get(), static_cast<std::size_t>(received));
  const auto then = got.size() == buffer_size_ ? WaitFor::again : WaitFor::read;
  if (!serving_.protocol.echoes()) return on_received(connection, got, then);
  const WaitFor next = guarded([&] { return send_turn(connection, {got, 1, After::read}); });
  return next == WaitFor::read ? then : next;
}

WaitFor NonblockingExchange::on_received(Connection& connection, std::span<std::byte> got,
                                         WaitFor then) {
  return guarded([&] {
    const auto turn = converse(connection, [&](protocol::ConversationSlot& slot) {
      return serving_.protocol.on_received(slot, got, {});
    });
    return answer(connection, turn, then);
  });
}

template <typename Say>
protocol::Turn NonblockingExchange::converse(Connection& connection, Say say) {
  protocol::ConversationSlot slot;
  if (connection.unfinished) slot = std::move(connection.unfinished->conversation);
  const protocol::Turn turn = say(slot);
  if (!slot) {
    connection.unfinished.reset();
  } else {
    if (!connection.unfinished) connection.unfinished = std::make_unique<Unfinished>();
    connection.unfinished->conversation = std::move(slot);
  }
  return turn;
}

WaitFor NonblockingExchange::answer(Connection& connection, protocol::Turn turn, WaitFor then) {
  for (int turns = 1;; ++turns) {
    if (const WaitFor next = send_turn(connection, turn); next != WaitFor::read) return next;
    if (turn.after != After::go_on) return after_turn(connection, turn.after, then);
    if (turns == turns_in_a_row) {  // others first: this one is writable in any case
      keep(connection, {{}, 0, After::go_on}, 0);
      return WaitFor::write;
    }
    turn = next_turn(connection);
  }
}

PendingReply& NonblockingExchange::keep(Connection& connection, const protocol::Turn& turn,
                                        std::size_t sent) {
  if (!connection.unfinished) connection.unfinished = std::make_unique<Unfinished>();
  return connection.unfinished->reply.emplace(
      PendingReply{.bytes = {turn.bytes.begin(), turn.bytes.end()},
                   .sent = sent,
                   .messages = turn.messages,
                   .after = turn.after});
}

WaitFor NonblockingExchange::after_turn(const Connection& connection, After after, WaitFor then) {
  switch (after) {
    case After::linger:
      ::shutdown(connection.fd, SHUT_WR);
      return then;
    case After::close:
      return WaitFor::finish;
    case After::reset: {
      const linger at_once{1, 0};
      ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return WaitFor::close;
    }
    case After::read:
    case After::go_on:
      break;
  }
  return then;
}

protocol::Turn NonblockingExchange::next_turn(Connection& connection) {
  return converse(connection, [this](protocol::ConversationSlot& slot) {
    return serving_.protocol.go_on(slot);
  });
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
  connection.pending()->sleeps = false;
  connection.last = clock_.now();
  return send_pending(connection);
}

WaitFor NonblockingExchange::on_writable(Connection& connection) {
  const PendingReply* reply = connection.pending();
  if (reply == nullptr) return WaitFor::read;
  return reply->sleeps ? WaitFor::sleep : send_pending(connection);
}

WaitFor NonblockingExchange::send_pending(Connection& connection) {
  PendingReply& reply = *connection.pending();
  const auto rest = std::span(reply.bytes).subspan(reply.sent);
  const ssize_t sent = rest.empty() ? 0 : send_some(connection.fd, rest);
  if (sent < 0) return WaitFor::close;
  if (sent > 0) connection.last = clock_.now();
  reply.sent += static_cast<std::size_t>(sent);
  if (reply.sent < reply.bytes.size()) return WaitFor::write;
  serving_.counters.echoed(worker_, reply.messages, reply.bytes.size());
  const After after = reply.after;
  if (connection.unfinished->conversation) {
    connection.unfinished->reply.reset();
  } else {
    connection.unfinished.reset();
  }
  // Nothing was read meanwhile, and the kernel has reported what came.
  if (after != After::go_on) return after_turn(connection, after, WaitFor::again);
  return guarded([&] { return answer(connection, next_turn(connection), WaitFor::again); });
}

bool NonblockingExchange::is_overdue(const Connection& connection, Clock::time_point now) {
  if (!connection.unfinished || !connection.unfinished->conversation) return false;
  const PendingReply* reply = connection.pending();
  const bool goes_on = reply && (reply->sleeps || reply->sent == reply->bytes.size());
  return !goes_on && connection.unfinished->conversation->deadline() <= now;
}

WaitFor NonblockingExchange::on_deadline(Connection& connection) {
  if (connection.pending() != nullptr) {  // the peer does not read
    serving_.counters.timed_out();
    return WaitFor::close;
  }
  return guarded([&] {
    const auto turn = converse(connection, [this](protocol::ConversationSlot& slot) {
      return serving_.protocol.on_time(slot);
    });
    return answer(connection, turn, WaitFor::again);
  });
}

bool NonblockingExchange::is_idle(const Connection& connection) const {
  if (!clock_.expired(connection.last)) return false;
  if (!connection.unfinished) return true;
  if (const PendingReply* reply = connection.pending(); reply && reply->sleeps) return false;
  const auto& conversation = connection.unfinished->conversation;
  return !conversation || conversation->deadline() == Clock::time_point::max();
}

}  // namespace echo_async
