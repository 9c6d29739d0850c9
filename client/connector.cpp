#include "client/connector.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace client {
namespace {

using Clock = std::chrono::steady_clock;

/// 127.1.0.0 to 127.254.255.255: clear of 127.0.0.1's own users.
constexpr std::uint32_t pool_first = 0x7f010000U;
constexpr std::uint32_t pool_size = 254U << 16U;

int pending_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

/// Waits until a connect is decided. 0: established; an errno: failed; EINPROGRESS: undecided yet.
int wait_for(const Attempt& attempt, std::chrono::milliseconds at_most, int stop_fd) {
  if (attempt.error != 0) return attempt.error;
  pollfd entries[2] = {{attempt.socket.get(), POLLOUT, 0}, {stop_fd, POLLIN, 0}};
  ::poll(entries, stop_fd >= 0 ? 2 : 1, static_cast<int>(at_most.count()));
  if (entries[0].revents == 0) return EINPROGRESS;
  return pending_error(attempt.socket.get());
}

}  // namespace

Sources::Sources(const echo::Endpoint& target, std::uint64_t connections, limits::PortRange ports,
                 std::uint64_t seed) {
  if (target.family() != AF_INET || !target.is_loopback()) return;
  const std::uint64_t half = std::max<std::uint64_t>(ports.count() / 2, 1);
  count_ = std::clamp<std::uint64_t>((connections + half - 1) / half, 1, pool_size);
  first_ = pool_first + static_cast<std::uint32_t>(seed % pool_size);
}

std::optional<echo::Endpoint> Sources::at(std::uint64_t index) const {
  if (first_ == 0) return std::nullopt;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const auto offset =
      static_cast<std::uint32_t>((first_ - pool_first + index % count_) % pool_size);
  address.sin_addr.s_addr = htonl(pool_first + offset);
  return echo::Endpoint{reinterpret_cast<const sockaddr*>(&address), sizeof address};
}

Attempt Connector::begin(std::uint64_t index) const {
  Attempt attempt;
  attempt.socket.reset(::socket(target_.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!attempt.socket) {
    attempt.error = errno;
    return attempt;
  }
  const int fd = attempt.socket.get();
  echo::set_nodelay(fd, true);
  if (const auto source = sources_.at(index)) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(fd, source->data(), source->size()) != 0) {
      attempt.error = errno;
      return attempt;
    }
  }
  if (::connect(fd, target_.data(), target_.size()) != 0 && errno != EINPROGRESS)
    attempt.error = errno;
  return attempt;
}

FirstConnection open_first(const std::vector<Connector>& connectors,
                           std::chrono::milliseconds patience, const echo::Stop& stop) {
  constexpr std::chrono::milliseconds undecided_after{300};
  constexpr std::chrono::milliseconds pause{2};
  const auto give_up = Clock::now() + patience;
  for (;;) {
    FirstConnection first;
    for (std::size_t i = 0; i < connectors.size(); ++i) {
      const auto begun = Clock::now();
      Attempt attempt = connectors[i].begin(0);
      const int error = wait_for(attempt, undecided_after, stop.drain_fd());
      if (error == 0 || error == EINPROGRESS) return {std::move(attempt), i, begun};
      attempt.error = error;
      if (i == 0) first = {std::move(attempt), i, begun};
    }
    const bool worth_waiting = first.attempt.error == ECONNREFUSED && Clock::now() < give_up;
    if (!worth_waiting || stop.draining()) return first;
    pollfd entry{stop.drain_fd(), POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(pause.count()));
  }
}

bool nobody_listens(const Connector& connector) {
  const Attempt probe = connector.begin(0);
  return wait_for(probe, std::chrono::milliseconds{200}, -1) == ECONNREFUSED;
}

}  // namespace client
