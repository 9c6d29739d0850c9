#include "client/exchange.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <span>

namespace client {
namespace {

Step failed(Outcome outcome, int error = 0) {
  return {Step::Kind::failed, outcome, error, {}};
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

Step Exchange::send_more(Session& session, std::uint32_t connection) {
  const std::uint64_t size = payload_.size();
  while (session.sent < size) {
    const std::size_t count = std::min<std::uint64_t>(size - session.sent, buffer_.size());
    const auto chunk = std::span(buffer_).first(count);
    payload_.fill({connection, session.next_message}, session.sent, chunk);
    const ssize_t sent = ::send(session.fd, chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return failed_by(errno);
    session.sent += static_cast<std::uint64_t>(sent);
    if (static_cast<std::size_t>(sent) < count) break;  // the socket buffer is full
  }
  return {};
}

Step Exchange::receive(Session& session, std::uint32_t connection, bool until_eof) {
  bool echoed = false;
  const auto result = [&echoed](Step otherwise) {
    return echoed ? Step{Step::Kind::echoed, Outcome::served, 0, {}} : otherwise;
  };
  for (;;) {
    const ssize_t received = ::recv(session.fd, buffer_.data(), buffer_.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received < 0 && errno == EAGAIN) return result({});
    // With the echo whole, the end of the connection is the next look's business.
    if (received < 0) return result(failed_by(errno));
    if (received == 0) {
      if (echoed || session.state != State::echoing) {
        return result({Step::Kind::eof, Outcome::served, 0, {}});
      }
      return failed(session.received == 0 ? Outcome::closed_early : Outcome::short_echo);
    }
    const Step step = check(session, connection, static_cast<std::size_t>(received));
    if (step.kind == Step::Kind::failed) return step;
    echoed = echoed || step.kind == Step::Kind::echoed;
    const bool drained = static_cast<std::size_t>(received) < buffer_.size();
    if (drained && (!until_eof || echoed)) return result({});
  }
}

Step Exchange::check(Session& session, std::uint32_t connection, std::size_t received) {
  const std::uint64_t size = payload_.size();
  // Nothing can have come back that was not sent yet.
  const std::uint64_t expected =
      session.state == State::echoing ? session.sent - session.received : 0;
  const std::size_t ours = std::min<std::uint64_t>(expected, received);
  if (auto mismatch = payload_.verify({connection, session.next_message}, session.received,
                                      std::span(buffer_).first(ours))) {
    const Outcome outcome = mismatch->owner ? Outcome::foreign : Outcome::mismatch;
    return {Step::Kind::failed, outcome, 0, mismatch};
  }
  session.received += ours;
  if (received > ours) return failed(Outcome::extra);
  if (session.state == State::echoing && session.received == size) {
    return {Step::Kind::echoed, Outcome::served, 0, {}};
  }
  return {};
}

}  // namespace client
