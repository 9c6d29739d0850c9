#include "echo_threads/blocking.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <exception>

namespace echo_threads {
namespace {

/// Sends all bytes: send(2) may take only a part. MSG_NOSIGNAL, because SIGPIPE for a closed
/// connection would end the process. False with errno when the connection cannot be written to any
/// more.
bool send_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

void echo_to_the_end(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                     unsigned worker) {
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received == 0) break;
    if (received > 0) {
      serving.work.perform();
      const auto got = buffer.first(static_cast<std::size_t>(received));
      const auto reply = serving.protocol.reply_to(got);
      if (send_all(fd, reply)) {
        serving.counters.echoed(worker, 1, reply.size());
        continue;
      }
    }
    // A blocking call fails with EAGAIN only when its socket's timeout has passed (SO_RCVTIMEO).
    if (errno == EAGAIN) serving.counters.timed_out();
    return;
  }
  ::shutdown(fd, SHUT_WR);
}

}  // namespace

void echo_until_eof(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker) {
  try {
    echo_to_the_end(fd, buffer, serving, worker);
  } catch (const std::exception&) {
    serving.counters.shed(server::Shed::exception);
  }
}

}  // namespace echo_threads
