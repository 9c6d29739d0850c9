#include "client/exchange.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace client {
namespace {

Step failed(Outcome outcome, int error = 0) {
  return {Step::Kind::failed, outcome, error};
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

}  // namespace

std::size_t Exchange::gather(const Session& session, std::uint32_t& message,
                             std::uint32_t& offset) {
  std::size_t filled = 0;
  while (message < session.begun && filled < buffer_.size()) {
    const std::uint32_t size = size_of(session, message);
    const std::size_t count = std::min<std::size_t>(size - offset, buffer_.size() - filled);
    payload_.fill({session.connection, message}, offset, std::span(buffer_).subspan(filled, count));
    filled += count;
    offset += static_cast<std::uint32_t>(count);
    if (offset < size) break;
    ++message;
    offset = 0;
  }
  return filled;
}

Step Exchange::send_more(Session& session) {
  while (session.writing < session.begun) {
    std::uint32_t message = session.writing;
    std::uint32_t offset = session.written;
    const std::size_t count = gather(session, message, offset);
    const ssize_t sent = ::send(session.fd, buffer_.data(), count, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return failed_by(errno);
    if (static_cast<std::size_t>(sent) == count) {
      session.writing = message;
      session.written = offset;
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
    const ssize_t received = ::recv(session.fd, buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return {};
    if (received < 0) return failed_by(errno);
    if (received == 0) {
      if (session.in_flight() == 0) return {Step::Kind::eof, Outcome::served, 0};
      return failed(session.received == 0 ? Outcome::closed_early : Outcome::short_echo);
    }
    Step step = check(session, static_cast<std::size_t>(received));
    step.more = until_eof || static_cast<std::size_t>(received) == buffer_.size();
    if (step.kind == Step::Kind::failed || step.echoes > 0 || !step.more) return step;
  }
}

Step Exchange::check(Session& session, std::size_t received) {
  Step step;
  for (std::size_t from = 0; from < received;) {
    // Nothing can have come back that was not sent yet.
    const bool whole = session.writing > session.echoed;
    const std::uint32_t size = session.in_flight() > 0 ? size_of(session, session.echoed) : 0;
    const std::uint32_t sent = whole ? size : session.written;
    const std::size_t ours = std::min<std::size_t>(sent - session.received, received - from);
    if (size == 0 || ours == 0) {
      step.kind = Step::Kind::failed;
      step.outcome = Outcome::extra;
      return step;
    }
    const auto bytes = std::span(buffer_).subspan(from, ours);
    const echo::MessageId id{session.connection, session.echoed};
    if (const auto mismatch = payload_.verify(id, session.received, bytes)) {
      step.kind = Step::Kind::failed;
      step.outcome = mismatch->owner ? Outcome::foreign : Outcome::mismatch;
      mismatch_ = mismatch;
      return step;
    }
    from += ours;
    session.received += static_cast<std::uint32_t>(ours);
    if (session.received < size) continue;
    session.received = 0;
    ++session.echoed;
    ++step.echoes;
  }
  return step;
}

}  // namespace client
