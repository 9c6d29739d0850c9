#include "echo_threads/blocking.hpp"

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <exception>

#include "echo_threads/late_reader.hpp"

namespace echo_threads {
namespace {

/// Sends all bytes: send(2) may take only a part. MSG_NOSIGNAL, because SIGPIPE for a closed
/// connection would end the process. Returns what the kernel has not taken: nothing, or, with
/// errno, the rest when the connection cannot be written to any more.
std::span<const std::byte> send_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return bytes;
}

/// Reads, works and writes the reply, again and again. True: recv(2) has returned 0, the end of
/// what arrives. False, with errno: the connection failed.
bool echo_what_arrives(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                       unsigned worker) {
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received == 0) return true;
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return false;
    serving.work.perform();
    const auto got = buffer.first(static_cast<std::size_t>(received));
    const auto reply = serving.protocol.reply_to(got);
    if (const auto unsent = send_all(fd, reply); !unsent.empty()) {
      serving.counters.echoed(worker, 0, reply.size() - unsent.size());  // bytes, and no message
      return false;
    }
    serving.counters.echoed(worker, 1, reply.size());
  }
}

}  // namespace

void echo_until_eof(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker) try {
  LateReader peer{fd, serving};
  while (echo_what_arrives(fd, buffer, serving, worker)) {
    // After the shutdown of a stop recv returns 0, and then again what the peer still sends. While
    // the peer has not read all replies, a FIN would lose them: pause, and read again.
    if (peer.pauses()) continue;
    if (peer.was_late()) server::discount_unsent(fd, serving.counters, worker);
    ::shutdown(fd, SHUT_WR);  // FIN: the peer reads what is left, then the end
    return;
  }
  // EAGAIN: SO_RCVTIMEO has passed, which the listener hands down for --idle-timeout.
  if (errno == EAGAIN) serving.counters.timed_out();
  server::discount_unsent(fd, serving.counters, worker);
} catch (const std::exception&) {
  serving.counters.shed(server::Shed::exception);
}

}  // namespace echo_threads
