// The floor's churn: connect, one verified echo, close, then the next connection. On loopback the
// SYN-ACK is handled within connect(), although it returns EINPROGRESS: the message is sent
// immediately, and the socket is watched only for its echo. Sources are used in rotation, so that
// no port range fills up. TCP_NODELAY is not set: a single message is never delayed.
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "bench/floor_client.hpp"

namespace bench {
namespace {

/// Source addresses used in rotation.
constexpr std::uint32_t source_count = 256;

struct Slot {
  int fd = -1;
  std::uint32_t number = 0;
  std::int64_t begun_ns = 0;
  bool sent = false;
};

class Churn {
 public:
  Churn(const Options& options, int epoll)
      : options_(options), epoll_(epoll), slots_(options.connections) {}

  void open(std::uint32_t index, std::int64_t now) {
    Slot& slot = slots_[index];
    slot.fd = begin_connect(options_.port, first_ + next_++ % source_count, false);
    slot.begun_ns = now;
    ++slot.number;
    slot.sent = try_send(slot, index);
    watch(epoll_, slot.fd, EPOLLET | EPOLLIN | (slot.sent ? 0U : EPOLLOUT), index);
  }

  /// Returns true when the echo came back and the connection is closed.
  bool finish(std::uint32_t index) {
    Slot& slot = slots_[index];
    if (!slot.sent) {
      slot.sent = try_send(slot, index);
      return false;
    }
    if (!receive_and_verify(slot.fd, message_of(index, slot.number))) return false;
    ::close(slot.fd);
    return true;
  }

  [[nodiscard]] std::int64_t begun_ns(std::uint32_t index) const { return slots_[index].begun_ns; }

 private:
  static bool try_send(const Slot& slot, std::uint32_t index) {
    const Message message = message_of(index, slot.number);
    const ssize_t sent = ::send(slot.fd, message.data(), message_bytes, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return false;
    if (sent != ssize_t{message_bytes}) fail("send");
    return true;
  }

  const Options& options_;
  int epoll_;
  std::vector<Slot> slots_;
  std::uint32_t first_ = first_source();
  std::uint32_t next_ = 0;
};

}  // namespace

void churn(const Options& options, int epoll) {
  Churn churn{options, epoll};
  Histogram histogram;
  Window window{options};
  window.warm_up_from(now_ns());
  for (std::uint32_t i = 0; i < options.connections; ++i) churn.open(i, now_ns());
  std::array<epoll_event, 512> events;
  std::uint64_t echoes = 0;
  std::size_t in_flight = options.connections;
  for (std::uint64_t waits = 1; in_flight > 0; ++waits) {
    const int count =
        ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), patience_ms);
    if (count <= 0) give_up("no echo");
    for (int i = 0; i < count; ++i) {
      const std::uint32_t index = events[static_cast<std::size_t>(i)].data.u32;
      if (!churn.finish(index)) continue;
      const std::int64_t now = now_ns();
      histogram.record(now - churn.begun_ns(index));
      ++echoes;
      if (now >= window.edge()) window.cross(now, echoes, waits);
      if (window.over()) {
        --in_flight;
      } else {
        churn.open(index, now);
      }
    }
  }
  window.print(options, histogram, echoes);
}

}  // namespace bench
