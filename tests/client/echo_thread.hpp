// An echo server on a thread of this process, with one epoll, on a free port of loopback. It runs
// until it is destroyed. A test can control its answers and their timing.
#pragma once

#include <sys/epoll.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "echo/socket.hpp"
#include "echo/stop.hpp"

namespace client::fixtures {

class EchoThread {
 public:
  enum class Answer { echo, none, hang_up };
  /// Called before each answer on socket `connection`, counted from 0 in order of accept. It runs
  /// on the server's thread: while it waits, no connection is answered.
  using Answers = std::function<Answer(std::uint64_t connection)>;

  explicit EchoThread(Answers answers = {})
      : answers_(std::move(answers)),
        listener_(echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 4096, false)),
        where_(echo::local_endpoint(listener_.get())),
        epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_.get());
    watch(stop_.drain_fd());
    thread_ = std::thread([this] { serve(); });
  }
  EchoThread(const EchoThread&) = delete;
  EchoThread& operator=(const EchoThread&) = delete;
  ~EchoThread() {
    stop_.request_drain();
    thread_.join();
  }

  [[nodiscard]] const echo::Endpoint& where() const { return where_; }
  /// The first bytes received on each connection, in order of arrival.
  [[nodiscard]] std::vector<std::vector<std::byte>> first_bytes() {
    const std::lock_guard lock(mutex_);
    return first_bytes_;
  }

 private:
  struct Accepted {
    echo::Descriptor socket;
    std::uint64_t index = 0;
    bool has_sent = false;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }
  void serve() {
    std::vector<epoll_event> events(64);
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), 64, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == stop_.drain_fd()) return;
        fd == listener_.get() ? accept_all() : answer(fd);
      }
    }
  }
  void accept_all() {
    for (;;) {
      echo::Descriptor socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
      if (!socket) return;
      const int fd = socket.get();
      echo::set_nodelay(fd, true);
      connections_[fd] = Accepted{std::move(socket), accepted_++};
      watch(fd);
    }
  }
  void answer(int fd) {
    std::vector<std::byte> bytes(64U << 10U);
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
    if (count <= 0) {
      connections_.erase(fd);
      return;
    }
    bytes.resize(static_cast<std::size_t>(count));
    Accepted& connection = connections_[fd];
    if (!connection.has_sent) {
      connection.has_sent = true;
      const std::lock_guard lock(mutex_);
      first_bytes_.push_back(bytes);
    }
    const Answer answer = answers_ ? answers_(connection.index) : Answer::echo;
    if (answer == Answer::hang_up) connections_.erase(fd);
    if (answer != Answer::echo) return;
    ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);  // blocking: for small messages only
  }

  Answers answers_;
  echo::Stop stop_;
  echo::Descriptor listener_;
  echo::Endpoint where_;
  echo::Descriptor epoll_;
  std::uint64_t accepted_ = 0;
  std::map<int, Accepted> connections_;
  std::mutex mutex_;
  std::vector<std::vector<std::byte>> first_bytes_;
  std::thread thread_;
};

}  // namespace client::fixtures
