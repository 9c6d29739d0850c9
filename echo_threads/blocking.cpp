#include "echo_threads/blocking.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <exception>

#include "echo_threads/converse.hpp"
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

/// Reads, works and writes back what was read, again and again.
End echo_what_arrives(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                      unsigned worker) {
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received == 0) return End::eof;
    if (received < 0 && errno == EINTR) continue;
    if (received < 0) return End::failed;
    serving.work.perform();
    const auto got = buffer.first(static_cast<std::size_t>(received));
    if (const auto unsent = send_all(fd, got); !unsent.empty()) {
      serving.counters.echoed(worker, 0, got.size() - unsent.size());  // bytes, and no message
      return End::failed;
    }
    serving.counters.echoed(worker, 1, got.size());
  }
}

}  // namespace

void echo_until_eof(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker) try {
  LateReader peer{fd, serving};
  protocol::ConversationSlot conversation;  // what is unfinished: nothing, for the echo
  End end = End::eof;
  // A drain lets recv return 0 too; FIN would lose what the peer has not read: pause, read again.
  do
    end = serving.protocol.echoes() ? echo_what_arrives(fd, buffer, serving, worker)
                                    : converse(fd, buffer, conversation, serving, worker);
  while (end == End::eof && peer.pauses());
  // EAGAIN: SO_RCVTIMEO has passed, which the listener hands down for --idle-timeout.
  if (end == End::failed && errno == EAGAIN) serving.counters.timed_out();
  if (end == End::failed || peer.was_late()) server::discount_unsent(fd, serving.counters, worker);
  if (end == End::eof) ::shutdown(fd, SHUT_WR);  // FIN: the peer reads what is left, then the end
} catch (const std::exception&) {
  serving.counters.shed(server::Shed::exception);
}

}  // namespace echo_threads
