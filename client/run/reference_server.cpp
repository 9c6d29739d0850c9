#include "client/run/reference_server.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <unordered_map>

#include "echo/descriptor.hpp"

namespace client {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

echo::Descriptor listen_anywhere(std::uint16_t& port) {
  echo::Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!listener) fail("reference server: socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener.get(), any, length) != 0) fail("reference server: bind 127.0.0.1:0");
  if (::listen(listener.get(), 4096) != 0) fail("reference server: listen");
  if (::getsockname(listener.get(), any, &length) != 0) fail("reference server: getsockname");
  port = ntohs(address.sin_port);
  return listener;
}

/// The loop of the child. An error that it cannot recover from ends the process.
class EchoLoop {
 public:
  explicit EchoLoop(int listener) : listener_(listener), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0 || !set(EPOLL_CTL_ADD, listener_, EPOLLIN)) ::_exit(1);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> events{};
    for (;;) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      if (count < 0 && errno != EINTR) ::_exit(1);
      for (int i = 0; i < count; ++i) {
        const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (unsent_.contains(fd)) {
          send_rest(fd);
        } else {
          echo_once(fd);
        }
      }
    }
  }

 private:
  bool set(int operation, int fd, std::uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    return ::epoll_ctl(epoll_, operation, fd, &event) == 0;
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        // The listener stays readable and the loop would spin: accept no more until one has closed.
        paused_ = set(EPOLL_CTL_DEL, listener_, 0);
      }
      if (fd < 0) return;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      if (!set(EPOLL_CTL_ADD, fd, EPOLLIN)) ::close(fd);
    }
  }

  void echo_once(int fd) {
    const ssize_t got = ::recv(fd, buffer_.data(), buffer_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close_connection(fd);
    const auto length = static_cast<std::size_t>(got);
    const ssize_t sent = ::send(fd, buffer_.data(), length, MSG_NOSIGNAL);
    if (sent == got) return;
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return close_connection(fd);
    const auto taken = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    unsent_.emplace(fd, std::string(buffer_.data() + taken, length - taken));
    set(EPOLL_CTL_MOD, fd, EPOLLOUT);
  }

  void send_rest(int fd) {
    std::string& rest = unsent_.at(fd);
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return close_connection(fd);
    rest.erase(0, static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    if (!rest.empty()) return;
    unsent_.erase(fd);
    set(EPOLL_CTL_MOD, fd, EPOLLIN);
  }

  void close_connection(int fd) {
    unsent_.erase(fd);
    ::close(fd);
    if (paused_) paused_ = !set(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  int listener_;
  int epoll_;
  bool paused_ = false;
  std::array<char, 65536> buffer_{};
  std::unordered_map<int, std::string> unsent_;  ///< read and not yet sent, by descriptor
};

[[noreturn]] void serve_until_killed(int listener, pid_t owner) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != owner) ::_exit(0);  // the owner ended before the prctl
  ::prctl(PR_SET_NAME, "reference");
  // A terminal or timeout(1) signals both; the owner still needs its echoes to drain.
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);
  // Keep only the owner's standard streams: its peers would see no end of a pipe or socket that
  // stays open here.
  ::close_range(3, static_cast<unsigned>(listener) - 1, 0);
  ::close_range(static_cast<unsigned>(listener) + 1, ~0U, 0);
  EchoLoop(listener).run();
}

}  // namespace

ReferenceServer::ReferenceServer() {
  const echo::Descriptor listener = listen_anywhere(port_);
  const pid_t owner = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("reference server: fork");
  if (pid_ == 0) serve_until_killed(listener.get(), owner);
}

ReferenceServer::~ReferenceServer() {
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace client
