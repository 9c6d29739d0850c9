// The floor's closed loop. Edge-triggered: with level triggering epoll_wait puts each reported
// socket back into the ready list and checks it again, which cost 0 to 6 % more CPU
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

/// Each connection sends one message and waits until all have had their echo. Otherwise a server of
/// threads would echo all the time, leave its acceptor no processor, and be measured while it still
/// accepts.
void stream(const Options& options, int epoll, const std::vector<int>& fds) {
  std::vector<Connection> connections(fds.size());
  const auto send_on_all = [&connections] {
    const std::int64_t now = now_ns();
    for (std::uint32_t i = 0; i < connections.size(); ++i) send_next(connections[i], i, now);
  };
  for (std::uint32_t i = 0; i < connections.size(); ++i) connections[i].fd = fds[i];
  send_on_all();
  Histogram histogram;
  Window window{options};
  std::array<epoll_event, 512> events;
  std::uint64_t echoes = 0;
  std::size_t unanswered = connections.size();
  std::size_t in_flight = connections.size();
  for (std::uint64_t waits = 1; in_flight > 0; ++waits) {
    const int count =
        ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), patience_ms);
    if (count <= 0) give_up(unanswered > 0 ? "not every connection is served" : "no echo");
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
      } else if (unanswered == 0) {
        send_next(connection, index, now);
      } else if (--unanswered == 0) {
        window.warm_up_from(now);
        send_on_all();
      }
    }
  }
  window.print(options, histogram, echoes);
}

}  // namespace bench
