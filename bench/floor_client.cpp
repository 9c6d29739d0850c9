// The floor of the client: raw epoll, one thread, every byte compared, one clock read and one
// histogram record per round trip, and nothing else. Sources are spread as in the client, because
// otherwise TIME_WAIT would be measured and not the program.
//
//   floor_client PORT N                      connects N, echoes once, prints the seconds to connect
//   floor_client PORT N --stream SECONDS     one message of 64 B in flight on each: JSON
//   floor_client PORT N --churn SECONDS      connect, echo, close, N at once: JSON
//     --warm-up SECONDS    before the window           --server-pid PID      its CPU in the window
//     --softirq-pid PID    CPU of a ksoftirqd thread (may be repeated)
#include "bench/floor_client.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

namespace bench {
namespace {

Options parse(int argc, char** argv) {
  Options options;
  const auto usage = [] {
    std::fprintf(stderr,
                 "usage: floor_client PORT N [--stream SECONDS | --churn SECONDS]\n"
                 "       [--warm-up SECONDS] [--server-pid PID] [--softirq-pid PID]...\n");
    std::exit(2);
  };
  if (argc < 3 || argc % 2 == 0) usage();
  options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  options.connections = static_cast<std::uint32_t>(std::atoi(argv[2]));
  for (int i = 3; i < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--stream" || name == "--churn") {
      options.mode = name == "--stream" ? Options::Mode::stream : Options::Mode::churn;
      options.seconds = std::atof(value);
    } else if (name == "--warm-up") {
      options.warm_up = std::atof(value);
    } else if (name == "--server-pid") {
      options.server = std::atoi(value);
    } else if (name == "--softirq-pid") {
      options.softirqs.push_back(std::atoi(value));
    } else {
      usage();
    }
  }
  if (options.connections == 0) usage();
  return options;
}

/// Connects all; returns the time that it took, in ns.
std::int64_t connect_all(const Options& options, int epoll, std::vector<int>& fds) {
  const std::uint32_t total = options.connections;
  const std::uint32_t source = first_source();
  std::vector<bool> up(total, false);
  std::array<epoll_event, 512> events;
  std::uint32_t opened = 0;
  std::uint32_t established = 0;
  const std::int64_t begin = now_ns();
  while (established < total) {
    for (int i = 0; i < 64 && opened < total; ++i, ++opened) {
      fds[opened] = begin_connect(options.port, source, true);
      watch(epoll, fds[opened], EPOLLIN | EPOLLOUT | EPOLLET, opened);
    }
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()),
                                   opened < total ? 0 : patience_ms);
    if (count == 0 && opened == total) give_up("connects do not finish");
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) give_up("a connect failed");
      if ((event.events & EPOLLOUT) != 0 && !up[event.data.u32]) {
        up[event.data.u32] = true;
        ++established;
      }
    }
  }
  return now_ns() - begin;
}

void echo_once(int epoll, const std::vector<int>& fds) {
  for (std::uint32_t i = 0; i < fds.size(); ++i) {
    const Message message = message_of(i, 0);
    if (::send(fds[i], message.data(), message_bytes, MSG_NOSIGNAL) != ssize_t{message_bytes})
      fail("send");
  }
  std::array<epoll_event, 512> events;
  for (std::size_t echoed = 0; echoed < fds.size();) {
    const int count =
        ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), patience_ms);
    if (count <= 0) give_up("no echo");
    for (int i = 0; i < count; ++i) {
      const std::uint32_t index = events[static_cast<std::size_t>(i)].data.u32;
      if (receive_and_verify(fds[index], message_of(index, 0))) ++echoed;
    }
  }
}

}  // namespace

int begin_connect(std::uint16_t port, std::uint32_t source, bool nodelay) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  if (nodelay) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in address = address_of(source, 0);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  address = address_of(INADDR_LOOPBACK, port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    fail("connect");
  }
  return fd;
}

void watch(int epoll, int fd, std::uint32_t events, std::uint32_t index) {
  epoll_event event{};
  event.events = events;
  event.data.u32 = index;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

std::uint32_t first_source() {
  return pool_first + (static_cast<std::uint32_t>(::getpid()) * 2654435761U >> 9U) % pool_size;
}

bool receive_and_verify(int fd, const Message& expected) {
  char echo[2 * message_bytes];
  const ssize_t got = ::recv(fd, echo, sizeof echo, 0);
  if (got < 0 && errno == EAGAIN) return false;
  if (got < 0) fail("recv");
  if (got != ssize_t{message_bytes} || std::memcmp(echo, expected.data(), message_bytes) != 0)
    give_up("a wrong echo");
  return true;
}

}  // namespace bench

int main(int argc, char** argv) {
  using bench::Options;
  const Options options = bench::parse(argc, argv);
  bench::raise_open_files();
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (options.mode == Options::Mode::churn) return bench::churn(options, epoll), 0;

  std::vector<int> fds(options.connections, -1);
  const std::int64_t ramp = bench::connect_all(options, epoll, fds);
  if (options.mode == Options::Mode::stream) return bench::stream(options, epoll, fds), 0;
  bench::echo_once(epoll, fds);
  std::printf("%.6f\n", static_cast<double>(ramp) / 1e9);
}
