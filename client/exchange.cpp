#include "client/exchange.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace client {
namespace {

Step failed(Outcome outcome, int error = 0) {
  return {.error = error, .kind = Step::Kind::failed, .outcome = outcome};
}

Step failed_by(int error) {
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

/// send(2) and recv(2) themselves. Those of the C library are cancellation points: in a process of
/// several threads each call passes two atomic operations, for a pthread_cancel(3) that nobody
/// calls.
ssize_t send_to(int fd, std::span<const std::byte> bytes) {
  return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}
ssize_t receive_from(int fd, std::span<std::byte> room) {
  return ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
}

}  // namespace

Exchange::Piece Exchange::gather(const Session& session) {
  // One message from its beginning to its end: what nearly every send holds.
  const std::uint32_t size = size_of(session, session.writing);
  if (session.written == 0 && session.begun - session.writing == 1 && size <= buffer_size) {
    payload_.fill({session.connection, session.writing}, 0, buffer_.first(size));
    return {size, session.writing + 1, 0};
  }
  return gather_any(session);
}

Exchange::Piece Exchange::gather_any(const Session& session) {
  Piece piece{0, session.writing, session.written};
  while (piece.message < session.begun && piece.bytes < buffer_size) {
    const std::uint32_t size = size_of(session, piece.message);
    const std::uint32_t count = std::min(size - piece.offset, buffer_size - piece.bytes);
    payload_.fill({session.connection, piece.message}, piece.offset,
                  buffer_.subspan(piece.bytes, count));
    piece.bytes += count;
    piece.offset += count;
    if (piece.offset < size) break;
    ++piece.message;
    piece.offset = 0;
  }
  return piece;
}

Step Exchange::send_more(Session& session) {
  while (session.writing < session.begun) {
    const Piece piece = gather(session);
    const ssize_t sent = send_to(session.fd, buffer_.first(piece.bytes));
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return failed_by(errno);
    if (static_cast<std::size_t>(sent) == piece.bytes) {
      session.writing = piece.message;
      session.written = piece.offset;
      continue;
    }
    // The socket buffer is full.
    auto left = static_cast<std::uint64_t>(sent) + session.written;
    while (left >= size_of(session, session.writing)) left -= size_of(session, session.writing++);
    session.written = static_cast<std::uint32_t>(left);
    break;
  }
  return {};
}

Step Exchange::receive(Session& session, bool until_eof) {
  for (;;) {
    const ssize_t received = receive_from(session.fd, buffer_);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return {};
    if (received < 0) return failed_by(errno);
    if (received == 0) {
      if (session.in_flight() == 0) return {.kind = Step::Kind::eof};
      return failed(session.received == 0 ? Outcome::closed_early : Outcome::short_echo);
    }
    Step step = check(session, buffer_.first(static_cast<std::size_t>(received)));
    step.more = until_eof || static_cast<std::size_t>(received) == buffer_.size();
    if (step.kind == Step::Kind::failed || step.echoes > 0 || !step.more) return step;
  }
}

Step Exchange::check(Session& session, std::span<const std::byte> got) {
  // One message, whole and right and nothing else: what nearly every look at a socket finds.
  const bool begins = session.received == 0 && session.writing > session.echoed;
  if (begins && got.size() == size_of(session, session.echoed) &&
      payload_.holds({session.connection, session.echoed}, 0, got)) {
    ++session.echoed;
    return {.echoes = 1};
  }
  return check_any(session, got);
}

Step Exchange::check_any(Session& session, std::span<const std::byte> got) {
  Step step;
  while (!got.empty()) {
    // Nothing can have come back that was not sent yet.
    const bool whole = session.writing > session.echoed;
    const std::uint32_t size = session.in_flight() > 0 ? size_of(session, session.echoed) : 0;
    const std::uint32_t sent = whole ? size : session.written;
    const std::size_t ours = std::min<std::size_t>(sent - session.received, got.size());
    if (size == 0 || ours == 0) {
      step.kind = Step::Kind::failed;
      step.outcome = Outcome::extra;
      return step;
    }
    const echo::MessageId id{session.connection, session.echoed};
    if (const auto mismatch = payload_.verify(id, session.received, got.first(ours))) {
      step.kind = Step::Kind::failed;
      step.outcome = mismatch->owner ? Outcome::foreign : Outcome::mismatch;
      mismatch_ = mismatch;
      return step;
    }
    got = got.subspan(ours);
    session.received += static_cast<std::uint32_t>(ours);
    if (session.received < size) continue;
    session.received = 0;
    ++session.echoed;
    ++step.echoes;
  }
  return step;
}

}  // namespace client
