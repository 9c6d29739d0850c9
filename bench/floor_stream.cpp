// The floor's closed loop. Edge-triggered: level-triggered, epoll_wait puts each socket that it
// reports back into the ready list and looks at it once more, which came out 0 to 6 % dearer
// (bench/README.md).
#include <sys/epoll.h>

#include "bench/floor_client.hpp"

namespace bench {
namespace {

struct Connection {
  int fd = -1;
  std::uint32_t number = 0;
  std::int64_t sent_ns = 0;
};

void send_next(Connection& connection, std::uint32_t index, std::int64_t now) {
  const Message message = message_of(index, ++connection.number);
  connection.sent_ns = now;
  if (::send(connection.fd, message.data(), message_bytes, MSG_NOSIGNAL) != ssize_t{message_bytes})
    fail("send");
}

}  // namespace

void stream(const Options& options, int epoll, const std::vector<int>& fds) {
  std::vector<Connection> connections(fds.size());
  for (std::uint32_t i = 0; i < connections.size(); ++i) {
    connections[i].fd = fds[i];
    send_next(connections[i], i, now_ns());
  }
  Histogram histogram;
  Window window{options, now_ns()};
  std::array<epoll_event, 512> events;
  std::uint64_t echoes = 0;
  std::size_t in_flight = connections.size();
  for (std::uint64_t waits = 1; in_flight > 0; ++waits) {
    const int count =
        ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), patience_ms);
    if (count <= 0) give_up("no echo");
    for (int i = 0; i < count; ++i) {
      const std::uint32_t index = events[static_cast<std::size_t>(i)].data.u32;
      Connection& connection = connections[index];
      if (!receive_and_verify(connection.fd, message_of(index, connection.number))) continue;
      const std::int64_t now = now_ns();
      histogram.record(now - connection.sent_ns);
      ++echoes;
      if (now >= window.edge()) window.cross(now, echoes, waits);
      if (window.over()) {
        --in_flight;
      } else {
        send_next(connection, index, now);
      }
    }
  }
  window.print(options, histogram, echoes);
}

}  // namespace bench
