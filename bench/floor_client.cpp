// The floor under the client: raw epoll, nothing else. Connects N sockets, echoes one message on
// each, compares it, and prints how long the connects took, in seconds. The yardstick that the
// client's time to establish is measured against; it spreads sources as the client does, since
// otherwise TIME_WAIT and not the program would be timed. Usage: floor_client PORT N
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int open_socket(std::uint16_t port, std::uint32_t source, int epoll, std::uint32_t index) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("socket");
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(source);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
      errno != EINPROGRESS) {
    fail("connect");
  }
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLET;
  event.data.u32 = index;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: floor_client PORT N\n"), 2;
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const auto total = static_cast<std::uint32_t>(std::atoi(argv[2]));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const std::uint32_t source =
      0x7f010000U + (static_cast<std::uint32_t>(::getpid()) * 2654435761U >> 9U);
  std::vector<int> fds(total, -1);
  std::vector<bool> up(total, false);
  std::vector<epoll_event> events(512);
  std::uint32_t opened = 0;
  std::uint32_t established = 0;
  const auto begin = Clock::now();
  while (established < total) {
    for (int i = 0; i < 64 && opened < total; ++i, ++opened)
      fds[opened] = open_socket(port, source, epoll, opened);
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()),
                                   opened < total ? 0 : 5000);
    if (count == 0 && opened == total) return std::fprintf(stderr, "stuck\n"), 1;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if ((event.events & (EPOLLERR | EPOLLHUP)) != 0)
        return std::fprintf(stderr, "a connect failed\n"), 1;
      if ((event.events & EPOLLOUT) != 0 && !up[event.data.u32]) {
        up[event.data.u32] = true;
        ++established;
      }
    }
  }
  const double ramp = seconds_since(begin);

  char message[64];
  char echo[64];
  std::memset(message, 'x', sizeof message);
  for (const int fd : fds) {
    if (::send(fd, message, sizeof message, MSG_NOSIGNAL) != ssize_t{sizeof message}) fail("send");
  }
  for (std::uint32_t echoed = 0; echoed < total;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (count <= 0) return std::fprintf(stderr, "no echo\n"), 1;
    for (int i = 0; i < count; ++i) {
      const int fd = fds[events[static_cast<std::size_t>(i)].data.u32];
      const ssize_t got = ::recv(fd, echo, sizeof echo, 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got != ssize_t{sizeof echo} || std::memcmp(echo, message, sizeof echo) != 0) {
        return std::fprintf(stderr, "a wrong echo\n"), 1;
      }
      ++echoed;
    }
  }
  std::printf("%.6f\n", ramp);
}
