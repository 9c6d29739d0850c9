#include "echo_threads/blocking_io.hpp"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>

#include "echo/stop.hpp"

namespace echo_threads {
namespace {

/// Waits for `events`. False: the deadline is over.
bool wait_for(int fd, short events, const protocol::Conversation& conversation) {
  using Clock = protocol::Conversation::Clock;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(conversation.deadline() - Clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{fd, events, 0};
    const auto most = std::min<std::int64_t>(left.count(), INT_MAX);
    const int ready = ::poll(&entry, 1, static_cast<int>(most));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) echo::pause_after_failed_wait();
  }
}

}  // namespace

ssize_t receive_until_deadline(int fd, std::span<std::byte> room,
                               const protocol::Conversation& conversation) {
  if (wait_for(fd, POLLIN, conversation)) return ::recv(fd, room.data(), room.size(), 0);
  errno = ETIME;
  return -1;
}

ssize_t send_until_deadline(int fd, std::span<const std::byte> bytes,
                            const protocol::Conversation& conversation) {
  for (;;) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0 || errno != EAGAIN) return sent;
    if (wait_for(fd, POLLOUT, conversation)) continue;
    errno = EAGAIN;
    return -1;
  }
}

bool stays_after(int fd, protocol::After after) {
  if (after == protocol::After::read || after == protocol::After::go_on) return true;
  if (after == protocol::After::reset) {
    const linger at_once{1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  } else {
    ::shutdown(fd, SHUT_WR);
  }
  return after == protocol::After::linger;
}

}  // namespace echo_threads
