#include "echo_threads/blocking.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>

namespace echo_threads {
namespace {

/// send(2) may take a part: the rest follows. MSG_NOSIGNAL, since a peer that is gone is no reason
/// to die.
bool send_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

void echo_until_eof(int fd, std::span<std::byte> buffer, const echo::Protocol& protocol,
                    echo::Counters& counters, unsigned worker) {
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) break;
    const auto reply = protocol.reply_to(buffer.first(static_cast<std::size_t>(received)));
    if (!send_all(fd, reply)) break;
    counters.echoed(worker, 1, reply.size());
  }
  ::shutdown(fd, SHUT_WR);
}

}  // namespace echo_threads
