#include "echo_threads/blocking.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>

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

/// The state of the connection as in tcp(7), or TCP_CLOSE when it cannot be read.
int tcp_state(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  const bool known = ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
  return known ? int{info.tcpi_state} : int{TCP_CLOSE};
}

/// Waits, while a stop drains the connection, until a peer that reads late has received the echoes.
///
/// The stop has shut the connection down for reading, and the peer may still send. From the FIN of
/// this end on the kernel answers such bytes with RST and discards the send queue: a peer that
/// reads late would lose up to 4 MiB. So the FIN waits. While the peer does not read, what arrives
/// is echoed, because it may want to write all before it begins to read.
class SendQueueWait {
 public:
  SendQueueWait(int fd, const server::Serving& serving) : fd_(fd), serving_(serving) {}

  /// Call it when recv has returned 0. True: it has waited for a moment, read again. False: the
  /// peer has sent FIN, or has all echoes, or has read nothing for --idle-timeout, or the stop is
  /// forced.
  bool wait() {
    std::uint64_t left = unsent_bytes(fd_);
    if (left > 0 && tcp_state(fd_) == TCP_ESTABLISHED) {
      late_ = true;
      return pause(left);
    }
    // All is sent. What a full receive buffer has dropped must still be sent again.
    while (late_ && tcp_state(fd_) == TCP_ESTABLISHED) {
      left = unacknowledged_bytes(fd_);
      if (left == 0 || !pause(left)) break;
    }
    return false;
  }

  /// Whether it had to wait.
  [[nodiscard]] bool was_late() const { return late_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int longest_pause_ms = 50;

  /// False when `left` has not changed for --idle-timeout.
  bool pause(std::uint64_t left) {
    if (left != left_) {
      left_ = left;
      unchanged_since_ = Clock::now();
      pause_ms_ = 1;
    } else if (const auto& most = serving_.options.socket.idle_timeout;
               most && Clock::now() - unchanged_since_ >= *most) {
      serving_.counters.timed_out();
      return false;
    }
    ::poll(nullptr, 0, pause_ms_);
    pause_ms_ = std::min(2 * pause_ms_, longest_pause_ms);
    return true;
  }

  int fd_;
  const server::Serving& serving_;
  bool late_ = false;
  std::uint64_t left_ = 0;
  Clock::time_point unchanged_since_;
  int pause_ms_ = 1;
};

/// Takes back from the counters what was handed to the kernel and will not be sent, because this
/// end gives the connection up, or has lost it.
void discount_unsent(int fd, const server::Serving& serving, unsigned worker) {
  std::uint64_t unsent = unsent_bytes(fd);
  const int state = tcp_state(fd);
  const bool fin_is_queued =
      state == TCP_FIN_WAIT1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
  if (unsent > 0 && fin_is_queued) --unsent;  // the kernel counts it as a byte
  serving.counters.not_sent(worker, unsent);
}

void echo_to_the_end(int fd, std::span<std::byte> buffer, const server::Serving& serving,
                     unsigned worker) {
  SendQueueWait send_queue{fd, serving};
  for (;;) {
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received == 0) {
      if (send_queue.wait()) continue;
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
    return discount_unsent(fd, serving, worker);
  }
  // What is left after the peer's FIN is sent by the kernel, which no RST interrupts then.
  if (send_queue.was_late() && tcp_state(fd) != TCP_CLOSE_WAIT)
    discount_unsent(fd, serving, worker);
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
