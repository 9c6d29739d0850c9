#include "client/connection/exchange.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "client/connection/greeting.hpp"

namespace client {
namespace {

IoResult failed(Outcome outcome, int error = 0) {
  return {.error = error, .kind = IoResult::Kind::failed, .outcome = outcome};
}

IoResult failed_by(int error) {
  switch (error) {
    case ECONNRESET:
    case EPIPE:
      return failed(Outcome::reset, error);
    case ENOBUFS:
    case ENOMEM:
      return failed(Outcome::local_limit, error);
    case ETIMEDOUT:
      return failed(Outcome::timeout, error);
    case EHOSTUNREACH:
    case ENETUNREACH:
      return failed(Outcome::unreachable, error);
    default:
      return failed(Outcome::other_error, error);
  }
}

/// The system calls themselves. The C library's send(2) and recv(2) are cancellation points: in a
/// process with several threads each call executes two atomic operations for pthread_cancel(3),
/// which this program does not use (https://man7.org/linux/man-pages/man7/pthreads.7.html).
ssize_t send_to(int fd, std::span<const std::byte> bytes) {
  return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}
ssize_t receive_from(int fd, std::span<std::byte> room) {
  return ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
}

}  // namespace

Exchange::Piece Exchange::gather(const Connection& connection) {
  // Fast path: one whole message, which is what nearly every send contains.
  const std::uint32_t size = size_of(connection, connection.writing);
  if (connection.written == 0 && connection.begun - connection.writing == 1 &&
      size <= buffer_size) {
    payload_.fill({connection.number, connection.writing}, 0, buffer_.first(size));
    return {size, connection.writing + 1, 0};
  }
  return gather_any(connection);
}

Exchange::Piece Exchange::gather_any(const Connection& connection) {
  Piece piece{0, connection.writing, connection.written};
  while (piece.message < connection.begun && piece.bytes < buffer_size) {
    const std::uint32_t size = size_of(connection, piece.message);
    const std::uint32_t count = std::min(size - piece.offset, buffer_size - piece.bytes);
    payload_.fill({connection.number, piece.message}, piece.offset,
                  buffer_.subspan(piece.bytes, count));
    piece.bytes += count;
    piece.offset += count;
    if (piece.offset < size) break;
    ++piece.message;
    piece.offset = 0;
  }
  return piece;
}

IoResult Exchange::send_more(Connection& connection) {
  while (connection.writing < connection.begun) {
    const Piece piece = gather(connection);
    const ssize_t sent = send_to(connection.fd, buffer_.first(piece.bytes));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return failed_by(errno);
    if (static_cast<std::size_t>(sent) == piece.bytes) {
      connection.writing = piece.message;
      connection.written = piece.offset;
      continue;
    }
    // The socket buffer is full.
    auto left = static_cast<std::uint64_t>(sent) + connection.written;
    while (left >= size_of(connection, connection.writing))
      left -= size_of(connection, connection.writing++);
    connection.written = static_cast<std::uint32_t>(left);
    break;
  }
  return {};
}

IoResult Exchange::receive(Connection& connection, bool until_eof) {
  for (;;) {
    const ssize_t received = receive_from(connection.fd, buffer_);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return {};
    if (received < 0) return failed_by(errno);
    if (received == 0) {
      if (connection.in_flight() == 0) return {.kind = IoResult::Kind::eof};
      return failed(connection.received == 0 ? Outcome::closed_early : Outcome::short_echo);
    }
    received_ += static_cast<std::uint64_t>(received);
    IoResult io = check(connection, buffer_.first(static_cast<std::size_t>(received)));
    io.more = until_eof || static_cast<std::size_t>(received) == buffer_.size();
    if (io.kind == IoResult::Kind::failed || io.echoes > 0 || !io.more) return io;
  }
}

IoResult Exchange::check(Connection& connection, std::span<const std::byte> got) {
  // Fast path: exactly one whole, correct message, which is what nearly every receive returns.
  const bool begins = connection.received == 0 && connection.writing > connection.echoed;
  if (begins && got.size() == size_of(connection, connection.echoed) &&
      payload_.holds({connection.number, connection.echoed}, 0, got)) {
    ++connection.echoed;
    return {.echoes = 1};
  }
  return check_any(connection, got);
}

IoResult Exchange::check_any(Connection& connection, std::span<const std::byte> got) {
  IoResult io;
  const bool first_bytes = connection.received == 0 && connection.echoed == 0;
  const std::span<const std::byte> all = got;
  while (!got.empty()) {
    // Bytes that were not sent yet cannot come back.
    const bool whole = connection.writing > connection.echoed;
    const std::uint32_t size =
        connection.in_flight() > 0 ? size_of(connection, connection.echoed) : 0;
    const std::uint32_t sent = whole ? size : connection.written;
    const std::size_t ours = std::min<std::size_t>(sent - connection.received, got.size());
    if (size == 0 || ours == 0) {
      io.kind = IoResult::Kind::failed;
      io.outcome = Outcome::extra;
      if (first_bytes) protocol_ = protocol_of(all);
      return io;
    }
    const echo::MessageId id{connection.number, connection.echoed};
    if (const auto mismatch = payload_.verify(id, connection.received, got.first(ours))) {
      io.kind = IoResult::Kind::failed;
      io.outcome = mismatch->owner ? Outcome::foreign : Outcome::mismatch;
      mismatch_ = mismatch;
      if (first_bytes) protocol_ = protocol_of(all);
      return io;
    }
    got = got.subspan(ours);
    connection.received += static_cast<std::uint32_t>(ours);
    if (connection.received < size) continue;
    connection.received = 0;
    ++connection.echoed;
    ++io.echoes;
  }
  return io;
}

}  // namespace client
