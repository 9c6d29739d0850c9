#include "echo_threads/accept/exclusive_acceptor.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <system_error>

namespace echo_threads {
namespace {

void watch(int epoll, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

}  // namespace

void stop_listening(int listener) {
  ::shutdown(listener, SHUT_RD);
}

ExclusiveAcceptor::ExclusiveAcceptor(const server::Serving& serving, int listener)
    : stop_(serving.stop),
      acceptor_(listener, serving.counters, std::nullopt, false,
                &serving.listeners.shared_accept()),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  watch(epoll_.get(), listener, EPOLLIN | EPOLLEXCLUSIVE);
  watch(epoll_.get(), stop_.drain_fd(), EPOLLIN);
}

echo::Descriptor ExclusiveAcceptor::next() {
  try {
    // Accept before waiting: while connections are queued, this saves one epoll_wait per
    // connection.
    for (;;) {
      if (echo::Descriptor connection = acceptor_.accept(0)) return connection;
      if (!wait()) return echo::Descriptor{};
    }
  } catch (const std::exception&) {                   // or there was no memory for it
    if (stop_.draining()) return echo::Descriptor{};  // stop_listening() caused the error
    throw;
  }
}

bool ExclusiveAcceptor::wait() {
  if (acceptor_.paused_until()) {
    pollfd drain{stop_.drain_fd(), POLLIN, 0};
    const int ready = ::poll(&drain, 1, acceptor_.pause_ms());
    if (ready < 0 && errno != EINTR) echo::pause_after_failed_wait();
    return ready <= 0;
  }
  epoll_event ready[2];
  const int count = ::epoll_wait(epoll_.get(), ready, 2, -1);
  if (count < 0 && errno != EINTR) {
    echo::pause_after_failed_wait();
    return !stop_.draining();
  }
  for (int i = 0; i < count; ++i) {
    if (ready[i].data.fd == stop_.drain_fd()) return false;
  }
  return true;
}

}  // namespace echo_threads
