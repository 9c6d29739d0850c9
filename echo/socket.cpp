#include "echo/socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace echo {
namespace {

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) {
    throw std::invalid_argument("port \"" + std::string(text) +
                                "\": a whole number from 0 to 65535");
  }
  return port;
}

}  // namespace

Endpoint::Endpoint(const sockaddr* address, socklen_t length) {
  std::memcpy(&address_, address, std::min<std::size_t>(length, sizeof address_));
}

socklen_t Endpoint::size() const {
  return family() == AF_INET6 ? socklen_t{sizeof(sockaddr_in6)} : socklen_t{sizeof(sockaddr_in)};
}

std::uint16_t Endpoint::port() const {
  return ntohs(family() == AF_INET6 ? address_.v6.sin6_port : address_.v4.sin_port);
}

void Endpoint::set_port(std::uint16_t port) {
  (family() == AF_INET6 ? address_.v6.sin6_port : address_.v4.sin_port) = htons(port);
}

bool Endpoint::is_loopback() const {
  if (family() == AF_INET) return (ntohl(address_.v4.sin_addr.s_addr) >> 24U) == 127;
  if (family() != AF_INET6) return false;
  const in6_addr& v6 = address_.v6.sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

std::string Endpoint::host_text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &address_.v6.sin6_addr, text, sizeof text);
  } else {
    ::inet_ntop(AF_INET, &address_.v4.sin_addr, text, sizeof text);
  }
  return text;
}

std::string Endpoint::text() const {
  const std::string port_text = ":" + std::to_string(port());
  return family() == AF_INET6 ? "[" + host_text() + "]" + port_text : host_text() + port_text;
}

HostPort parse_host_port(std::string_view text, std::string_view default_host,
                         std::uint16_t default_port) {
  HostPort result{std::string(default_host), default_port};
  if (text.empty()) return result;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    const bool ends_well =
        close != std::string_view::npos && (close + 1 == text.size() || text[close + 1] == ':');
    if (!ends_well) {
      throw std::invalid_argument("\"" + std::string(text) +
                                  "\": an IPv6 address with a port is [ADDR]:PORT");
    }
    result.host = text.substr(1, close - 1);
    if (close + 1 < text.size()) result.port = parse_port(text.substr(close + 2));
    return result;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    result.host = text;  // a name, or a bare IPv6 address
    return result;
  }
  if (colon > 0) result.host = text.substr(0, colon);
  result.port = parse_port(text.substr(colon + 1));
  return result;
}

namespace {

/// What the thread of a lookup and the one that waits for it share; the last of them frees it.
struct Lookup {
  std::vector<Endpoint> found;
  std::string error;  ///< why nothing was found; empty: something was
  Stop done;          ///< requested when both are written
};

/// Adds `flags` to the hints of getaddrinfo(3).
std::vector<Endpoint> look_up(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_flags = flags;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); error != 0) {
    throw std::runtime_error("resolve " + host + ": " + ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    endpoints.emplace_back(entry->ai_addr, entry->ai_addrlen);
    endpoints.back().set_port(port);
  }
  if (endpoints.empty()) throw std::runtime_error("resolve " + host + ": no IPv4 or IPv6 address");
  return endpoints;
}

bool is_numeric(const std::string& host) {
  in6_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 || host.find(':') != std::string::npos;
}

}  // namespace

std::vector<Endpoint> resolve(const std::string& host, std::uint16_t port) {
  return look_up(host, port, 0);
}

std::optional<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                             const Stop& stop,
                                             std::chrono::steady_clock::time_point until) {
  if (is_numeric(host)) return look_up(host, port, AI_NUMERICHOST);
  const auto lookup = std::make_shared<Lookup>();
  try {
    std::thread([lookup, host, port] {
      try {
        lookup->found = look_up(host, port, 0);
      } catch (const std::exception& error) {
        lookup->error = error.what();
      }
      lookup->done.request_drain();
    }).detach();
  } catch (const std::system_error&) {
    return look_up(host, port, 0);
  }
  using std::chrono::milliseconds;
  while (!lookup->done.draining()) {
    const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
    if (stop.draining() || left.count() <= 0) return std::nullopt;
    const int wait = static_cast<int>(std::min<std::int64_t>(left.count(), 60'000));
    pollfd entries[2] = {{lookup->done.drain_fd(), POLLIN, 0}, {stop.drain_fd(), POLLIN, 0}};
    if (::poll(entries, 2, wait) < 0) std::this_thread::sleep_for(milliseconds{10});
  }
  if (!lookup->error.empty()) throw std::runtime_error(lookup->error);
  return lookup->found;
}

Endpoint local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) {
    throw std::system_error(errno, std::generic_category(), "getsockname");
  }
  return {reinterpret_cast<const sockaddr*>(&storage), length};
}

namespace {

void set_number(int fd, int level, int option, std::int64_t number) {
  const int value = static_cast<int>(std::min<std::int64_t>(number, INT_MAX));
  ::setsockopt(fd, level, option, &value, sizeof value);
}

void set_keepalive(int fd, const Keepalive& keepalive) {
  const auto seconds = [](std::chrono::nanoseconds time) {
    return std::chrono::ceil<std::chrono::seconds>(time).count();
  };
  const bool on = keepalive.on || keepalive.idle || keepalive.interval || keepalive.count;
  if (!on) return;
  set_number(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (keepalive.idle) set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(*keepalive.idle));
  if (keepalive.interval) set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(*keepalive.interval));
  if (keepalive.count) {
    set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<std::int64_t>(*keepalive.count));
  }
}

void set_timeouts(int fd, std::chrono::nanoseconds timeout) {
  timeval time{};
  time.tv_sec = timeout.count() / 1'000'000'000;
  time.tv_usec = timeout.count() % 1'000'000'000 / 1000;
  if (time.tv_sec == 0 && time.tv_usec == 0) time.tv_usec = 1;  // 0 would mean no timeout
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

}  // namespace

Descriptor listen_on(const Endpoint& where, int backlog, bool share_port,
                     const SocketOptions& options) {
  const auto check = [&where](int result, const char* call) {
    if (result < 0) {
      throw std::system_error(errno, std::generic_category(),
                              std::string(call) + " " + where.text());
    }
  };
  Descriptor socket{::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  check(socket.get(), "socket for");
  const int on = 1;
  check(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "SO_REUSEADDR on");
  if (share_port) {
    check(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), "SO_REUSEPORT on");
  }
  set_nodelay(socket.get(), options.nodelay);
  set_keepalive(socket.get(), options.keepalive);
  set_buffers(socket.get(), options.buffers);
  if (options.idle_timeout) set_timeouts(socket.get(), *options.idle_timeout);
  check(::bind(socket.get(), where.data(), where.size()), "bind");
  check(::listen(socket.get(), backlog), "listen");
  return socket;
}

void set_buffers(int fd, const SocketBuffers& buffers) {
  const auto set_size = [fd](int option, std::optional<std::uint64_t> bytes) {
    if (!bytes) return;
    const int value = static_cast<int>(std::min<std::uint64_t>(*bytes, INT_MAX));
    ::setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
  };
  set_size(SO_RCVBUF, buffers.receive);
  set_size(SO_SNDBUF, buffers.send);
}

void set_nodelay(int fd, bool on) {
  const int value = on ? 1 : 0;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value);
}

}  // namespace echo
