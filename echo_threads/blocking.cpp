#include "echo_threads/blocking.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <exception>

#include "server/send_queue.hpp"

namespace echo_threads {
namespace {

/// Sends all bytes: send(2) may take only a part. MSG_NOSIGNAL, because SIGPIPE for a closed
/// connection would end the process. Returns the number of bytes that the kernel has taken; fewer
/// than all, with errno, when the connection cannot be written to any more.
std::size_t send_all(int fd, std::span<const std::byte> bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const auto rest = bytes.subspan(taken);
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) break;
    taken += static_cast<std::size_t>(sent);
  }
  return taken;
}

/// Between two looks at the send queue. A forced stop does not end a pause, so none is long.
constexpr std::chrono::milliseconds longest_pause{50};

/// At EOF: true after a pause when the connection must wait for a peer that reads late, and so read
/// again; false when it ends.
bool pauses_for_late_reader(int fd, server::SendQueueWait& wait, server::Counters& counters) {
  switch (wait.at_eof(fd, server::SendQueueWait::Clock::now())) {
    case server::SendQueueWait::Next::pause:
      ::poll(nullptr, 0, static_cast<int>(wait.pause().count()));
      return true;
    case server::SendQueueWait::Next::timed_out:
      counters.timed_out();
      return false;
    case server::SendQueueWait::Next::end:
      return false;
  }
  return false;
}

void echo_to_the_end(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                     unsigned worker) {
  server::SendQueueWait wait{serving.options.socket.idle_timeout, longest_pause};
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received == 0) {
      if (pauses_for_late_reader(fd, wait, serving.counters)) continue;
      break;
    }
    if (received > 0) {
      serving.work.perform();
      const auto got = buffer.first(static_cast<std::size_t>(received));
      const auto reply = serving.protocol.reply_to(got);
      const std::size_t sent = send_all(fd, reply);
      if (sent == reply.size()) {
        serving.counters.echoed(worker, 1, sent);
        continue;
      }
      serving.counters.echoed(worker, 0, sent);
    }
    // A blocking call fails with EAGAIN only when its socket's timeout has passed (SO_RCVTIMEO).
    if (errno == EAGAIN) serving.counters.timed_out();
    return server::discount_unsent(fd, serving.counters, worker);
  }
  if (wait.was_late()) server::discount_unsent(fd, serving.counters, worker);
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
