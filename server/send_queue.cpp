#include "server/send_queue.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>

namespace server {
namespace {

std::uint64_t queued_bytes(int fd, unsigned long which) {
  int bytes = 0;
  return ::ioctl(fd, which, &bytes) == 0 ? static_cast<std::uint64_t>(std::max(bytes, 0)) : 0;
}
/// Bytes that the kernel has taken from send(2) and has not sent yet: the peer does not read.
std::uint64_t unsent_bytes(int fd) {
  return queued_bytes(fd, SIOCOUTQNSD);
}
/// Bytes that the peer's kernel has not acknowledged yet, sent or not.
std::uint64_t unacknowledged_bytes(int fd) {
  return queued_bytes(fd, SIOCOUTQ);
}
/// Bytes that have arrived and were not read. close(2) answers them with RST.
std::uint64_t unread_bytes(int fd) {
  return queued_bytes(fd, SIOCINQ);
}

/// The state of the connection as in tcp(7), or TCP_CLOSE when it cannot be read.
int tcp_state(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  const bool known = ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
  return known ? int{info.tcpi_state} : int{TCP_CLOSE};
}

}  // namespace

void discount_unsent(int fd, Counters& counters, unsigned worker) {
  std::uint64_t unsent = unsent_bytes(fd);
  if (unsent == 0) return;
  const int state = tcp_state(fd);
  // After the peer's FIN no RST comes: the kernel sends the rest when the connection is closed.
  if (state == TCP_CLOSE_WAIT && unread_bytes(fd) == 0) return;
  const bool fin_is_queued =
      state == TCP_FIN_WAIT1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
  if (fin_is_queued) --unsent;  // the kernel counts it as a byte
  counters.not_sent(worker, unsent);
}

SendQueueWait::Next SendQueueWait::at_eof(int fd, Clock::time_point now) {
  // What a full receive buffer of the peer has dropped must be sent again, so the wait lasts until
  // all is acknowledged. It begins only where bytes are unsent: others arrive soon in any case.
  const std::uint64_t left = late_ ? unacknowledged_bytes(fd) : unsent_bytes(fd);
  if (left == 0 || tcp_state(fd) != TCP_ESTABLISHED) return Next::end;
  if (!late_ || left != left_) {
    late_ = true;
    left_ = left;
    unchanged_since_ = now;
    pause_ = shortest_pause;
  } else if (idle_timeout_ && now - unchanged_since_ >= *idle_timeout_) {
    return Next::timed_out;
  } else {
    pause_ = std::min(2 * pause_, longest_pause_);
  }
  return Next::pause;
}

std::optional<std::chrono::milliseconds> LateReaders::pause_at_eof(int fd, Clock::time_point now) {
  const auto known = waits_.find(fd);
  if (known != waits_.end()) return pause_of(known->second, fd, now);
  SendQueueWait wait{idle_timeout_, longest_pause};
  const auto pause = pause_of(wait, fd, now);
  if (!pause) return pause;
  try {
    waits_.emplace(fd, wait);
    return pause;
  } catch (const std::bad_alloc&) {
    counters_.shed(Shed::memory);
    return std::nullopt;
  }
}

std::optional<std::chrono::milliseconds> LateReaders::pause_of(SendQueueWait& wait, int fd,
                                                               Clock::time_point now) {
  const auto next = wait.at_eof(fd, now);
  if (next == SendQueueWait::Next::pause) return wait.pause();
  if (next == SendQueueWait::Next::timed_out) counters_.timed_out();
  return std::nullopt;
}

bool LateReaderScan::keeps(int fd, Clock::time_point now) {
  if (waits(fd)) return true;
  const auto pause = readers_.pause_at_eof(fd, now);
  if (!pause) return false;
  try {
    due_of_.emplace(fd, now + *pause);
    due_.emplace(now + *pause, fd);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void LateReaderScan::forget(int fd) {
  readers_.forget(fd);
  const auto due = due_of_.find(fd);
  if (due == due_of_.end()) return;
  due_.erase({due->second, fd});
  due_of_.erase(due);
}

int LateReaderScan::take_due(Clock::time_point now) {
  if (due_.empty() || due_.begin()->first > now) return -1;
  const int fd = due_.begin()->second;
  due_.erase(due_.begin());
  due_of_.erase(fd);
  return fd;
}

}  // namespace server
