// The floor of the event-loop servers: raw epoll, one thread, one buffer. Edge-triggered: a read
// that did not fill the buffer has emptied the socket (epoll(7)). So an echo is one recv and one
// send, and the kernel does not put a socket back into the ready list to check it a second time.
//
//   floor_server PORT [--http]
//
// PORT 0: any; it prints the port. SIGTERM ends it; it then writes one line of JSON with its
// epoll_waits and reads to stderr.
//
// --http: a fixed answer per request, found without parsing (floor_http.hpp).
#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "bench/floor.hpp"
#include "bench/floor_http.hpp"

namespace {

using bench::fail;

constexpr std::uint32_t ended_events = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
/// A connection whose client does not read for this time is closed.
constexpr int patience_ms = 1000;

std::array<char, 65536> buffer;
bool http = false;
std::uint64_t waits = 0;
std::uint64_t reads = 0;

void watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
}

void accept_all(int epoll, int listener) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      watch(epoll, fd, EPOLLIN | EPOLLRDHUP | EPOLLET);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != ECONNABORTED) {
      fail("accept4");
    }
  }
}

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0) {
      pollfd entry{fd, POLLOUT, 0};
      if (errno != EAGAIN || ::poll(&entry, 1, patience_ms) <= 0) return false;
      continue;
    }
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

/// Sends the echo, or the answers under --http.
bool reply(int fd, std::size_t size) {
  if (!http) return send_all(fd, buffer.data(), size);
  return bench::answer_requests({buffer.data(), size}, [fd](const char* data, std::size_t bytes) {
    return send_all(fd, data, bytes);
  });
}

/// Replies to what has arrived. The end of a connection is reported once, possibly with its last
/// bytes.
void serve(int fd, std::uint32_t events) {
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) break;
    ++reads;
    const auto size = static_cast<std::size_t>(got);
    if (!reply(fd, size)) break;
    if (size < buffer.size() && (events & ended_events) == 0) return;
  }
  ::close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::ServerArguments arguments = bench::server_arguments(argc, argv);
  http = arguments.http;
  bench::raise_open_files();
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  const int stop = ::signalfd(-1, &signals, SFD_CLOEXEC);
  if (stop < 0) fail("signalfd");
  const int listener = bench::listen_and_tell(arguments.port, SOCK_NONBLOCK);
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener, EPOLLIN);
  watch(epoll, stop, EPOLLIN);

  std::array<epoll_event, 512> events;
  for (;;) {
    const int count = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), -1);
    if (count < 0 && errno != EINTR) fail("epoll_wait");
    ++waits;
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.fd == listener) {
        accept_all(epoll, listener);
      } else if (event.data.fd == stop) {
        std::fprintf(stderr, "{\"epoll_waits\": %llu, \"reads\": %llu}\n",
                     static_cast<unsigned long long>(waits),
                     static_cast<unsigned long long>(reads));
        return 0;
      } else {
        serve(event.data.fd, event.events);
      }
    }
  }
}
