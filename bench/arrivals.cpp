// Checks the client's reported lateness: an echo server that records when the kernel received each
// message (SO_TIMESTAMPNS: stamped in the network stack, before this program wakes up) and compares
// it with the schedule of `client --rate RATE`. Usage: arrivals RATE. It prints its port, and on
// SIGTERM how far behind the schedule the messages arrived. It expects uniform arrivals, one thread
// and messages of 64 B. The start of the schedule is derived from the most punctual message.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// Receives what is in the queue. Returns when the kernel received it, in ns since 1970; -1: no
/// data, or no time stamp.
std::int64_t receive(int fd, char* buffer, std::size_t size, ssize_t& got) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  iovec data{buffer, size};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  got = ::recvmsg(fd, &message, MSG_DONTWAIT);
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); got > 0 && part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(part), sizeof stamp);
    return std::int64_t{stamp.tv_sec} * 1'000'000'000 + stamp.tv_nsec;
  }
  return -1;
}

void report(std::vector<std::int64_t> stamps, double rate) {
  if (stamps.empty()) return;
  std::sort(stamps.begin(), stamps.end());
  std::vector<std::int64_t> behind;
  for (std::size_t i = 0; i < stamps.size(); ++i) {
    behind.push_back(stamps[i] - stamps[0] -
                     static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / rate));
  }
  std::sort(behind.begin(), behind.end());
  const auto at = [&](double share) {
    const auto place = static_cast<std::size_t>(share * static_cast<double>(behind.size() - 1));
    return static_cast<double>(behind[place] - behind[0]) / 1e3;
  };
  std::printf("%zu messages behind schedule: p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us\n",
              behind.size(), at(0.5), at(0.9), at(0.99), at(1));
}

}  // namespace

int main(int argc, char** argv) {
  const double rate = argc == 2 ? std::atof(argv[1]) : 0;
  if (rate <= 0) return std::fprintf(stderr, "usage: arrivals RATE\n"), 2;
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = ::signalfd(-1, &ends, SFD_CLOEXEC);

  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);  // inherited
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::listen(listener, 4096) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    fail("listen");
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);

  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [epoll](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  };
  watch(listener);
  watch(signals);
  std::vector<std::int64_t> stamps;
  std::vector<epoll_event> events(512);
  char buffer[4096];
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == signals) return report(std::move(stamps), rate), 0;
      if (fd == listener) {
        const int peer = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer < 0) continue;
        ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(peer);
        continue;
      }
      ssize_t got = 0;
      const std::int64_t stamp = receive(fd, buffer, sizeof buffer, got);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0) {
        ::close(fd);
        continue;
      }
      if (stamp >= 0) stamps.push_back(stamp);
      if (::send(fd, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) fail("send");
    }
  }
}
