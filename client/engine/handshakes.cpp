#include "client/engine/handshakes.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace client {

Handshake Handshakes::take(Connection& connection, Attempt attempt) {
  connection.fd = attempt.socket.release();
  if (attempt.error != 0) return {Handshake::Progress::failed, attempt.error};
  return {};
}

Handshake Handshakes::send_first(Connection& connection) {
  connection.begun = 1;
  const IoResult io = transport_.send_more(connection);
  connection.begun = 0;
  if (io.kind == IoResult::Kind::failed) return {Handshake::Progress::failed, io.error};
  const bool took_nothing = connection.writing == 0 && connection.written == 0;
  return {took_nothing ? Handshake::Progress::pending : Handshake::Progress::established};
}

Handshake Handshakes::after(const Connection& connection, std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(connection.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return {Handshake::Progress::failed, error == 0 ? ECONNRESET : error};
  }
  return {(events & EPOLLOUT) != 0 ? Handshake::Progress::established
                                   : Handshake::Progress::pending};
}

Outcome outcome_of_connect(int error) {
  switch (error) {
    case ECONNREFUSED:
      return Outcome::refused;
    case ETIMEDOUT:
      return Outcome::connect_timeout;
    case ECONNRESET:
      return Outcome::reset;
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
      return Outcome::unreachable;
    case EADDRNOTAVAIL:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case ENOSPC:  // fs.epoll.max_user_watches
      return Outcome::local_limit;
    default:
      return Outcome::other_error;
  }
}

}  // namespace client
