#include "client/connection/connector.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <string>

namespace client {
namespace {

using Clock = std::chrono::steady_clock;

/// 127.1.0.0 to 127.254.255.255. Programs that use 127.0.0.1 are not affected.
constexpr std::uint32_t pool_first = 0x7f010000U;
constexpr std::uint32_t pool_size = 254U << 16U;

int pending_error(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

/// `address` after clearing the bits `cleared` of its last four bytes and adding `by` to them.
echo::Endpoint advanced(echo::Endpoint address, std::uint64_t by, std::uint64_t cleared = 0) {
  unsigned char* bytes = nullptr;
  if (address.family() == AF_INET) {
    bytes =
        reinterpret_cast<unsigned char*>(&reinterpret_cast<sockaddr_in*>(address.data())->sin_addr);
  } else {
    bytes = reinterpret_cast<sockaddr_in6*>(address.data())->sin6_addr.s6_addr + 12;
  }
  std::uint32_t last = 0;
  std::memcpy(&last, bytes, sizeof last);
  last =
      htonl((ntohl(last) & ~static_cast<std::uint32_t>(cleared)) + static_cast<std::uint32_t>(by));
  std::memcpy(bytes, &last, sizeof last);
  return address;
}

/// Waits until a connect has succeeded or failed. Returns 0 (established), EINPROGRESS (undecided
/// after `at_most`, or stopped) or the connect's errno.
int wait_for(const Attempt& attempt, std::chrono::milliseconds at_most, int stop_fd) {
  if (attempt.error != 0) return attempt.error;
  pollfd entries[2] = {{attempt.socket.get(), POLLOUT, 0}, {stop_fd, POLLIN, 0}};
  ::poll(entries, stop_fd >= 0 ? 2 : 1, static_cast<int>(at_most.count()));
  if (entries[0].revents == 0) return EINPROGRESS;
  return pending_error(attempt.socket.get());
}

}  // namespace

AddressRange parse_source(std::string_view text) {
  const auto refuse = [text] {
    throw std::invalid_argument(
        fmt::format("\"{}\": an address such as 127.0.1.1 or a network of at most 2^24 addresses "
                    "such as 127.1.0.0/16",
                    text));
  };
  const std::size_t slash = text.find('/');
  const std::string address{text.substr(0, slash)};
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  AddressRange range;
  unsigned bits = 32;
  if (::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    range.first = {reinterpret_cast<const sockaddr*>(&v4), sizeof v4};
  } else if (::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) == 1) {
    range.first = {reinterpret_cast<const sockaddr*>(&v6), sizeof v6};
    bits = 128;
  } else {
    refuse();
  }
  if (slash == std::string_view::npos) return range;
  unsigned prefix = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + slash + 1, end, prefix);
  if (parsed.ec != std::errc{} || parsed.ptr != end || prefix > bits || bits - prefix > 24) {
    refuse();
  }
  range.count = std::uint64_t{1} << (bits - prefix);
  range.first = advanced(range.first, 0, range.count - 1);
  return range;
}

Sources::Sources(std::vector<AddressRange> ranges) : ranges_(std::move(ranges)), count_(0) {
  for (const AddressRange& range : ranges_) count_ += range.count;
}

Sources Sources::enough(const echo::Endpoint& target, std::uint64_t connections,
                        std::uint64_t target_ports, limits::PortRange ports, std::uint64_t seed) {
  if (target.family() != AF_INET || !target.is_loopback()) return {};
  const std::uint64_t each = std::max<std::uint64_t>(ports.count() / part_used, 1) * target_ports;
  const std::uint64_t wanted =
      std::clamp<std::uint64_t>((connections + each - 1) / each, 1, pool_size);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const auto place = [&address](std::uint64_t offset) {
    address.sin_addr.s_addr = htonl(pool_first + static_cast<std::uint32_t>(offset));
    return echo::Endpoint{reinterpret_cast<const sockaddr*>(&address), sizeof address};
  };
  const std::uint64_t begin = seed % pool_size;
  const std::uint64_t before_the_end = std::min(wanted, pool_size - begin);
  std::vector<AddressRange> ranges{{place(begin), before_the_end}};
  if (wanted > before_the_end) ranges.push_back({place(0), wanted - before_the_end});
  return Sources{std::move(ranges)};
}

std::optional<echo::Endpoint> Sources::at(std::uint64_t index) const {
  if (ranges_.empty()) return std::nullopt;
  std::uint64_t offset = index % count_;
  for (const AddressRange& range : ranges_) {
    if (offset < range.count) return advanced(range.first, offset);
    offset -= range.count;
  }
  return std::nullopt;
}

Attempt Connector::begin(std::uint64_t index) const {
  Attempt attempt;
  const echo::Endpoint& target = targets_[index % targets_.size()];
  attempt.socket.reset(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!attempt.socket) {
    attempt.error = errno;
    return attempt;
  }
  const int fd = attempt.socket.get();
  const int on = 1;
  if (options_.nodelay) echo::set_nodelay(fd, true);
  if (options_.keepalive) ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  echo::set_buffers(fd, options_.buffers);
  if (const auto source = sources_.at(index / targets_.size())) {
    ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(fd, source->data(), source->size()) != 0) {
      attempt.error = errno;
      return attempt;
    }
  }
  if (::connect(fd, target.data(), target.size()) != 0 && errno != EINPROGRESS)
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
      if (error == 0) return {std::move(attempt), i, begun, Clock::now()};
      if (error == EINPROGRESS) return {std::move(attempt), i, begun};
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
  constexpr std::chrono::milliseconds at_most{200};
  const auto until = Clock::now() + at_most;
  for (std::size_t port = 0; port < connector.targets().size(); ++port) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return false;
    const Attempt probe = connector.begin(port);
    if (wait_for(probe, left, -1) != ECONNREFUSED) return false;
  }
  return true;
}

}  // namespace client
