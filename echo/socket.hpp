// Addresses, listeners and the socket options that both ends must agree on.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/descriptor.hpp"

namespace echo {

/// An IPv4 or IPv6 address with a port.
class Endpoint {
 public:
  Endpoint() = default;
  Endpoint(const sockaddr* address, socklen_t length);

  [[nodiscard]] const sockaddr* data() const { return &address_.any; }
  [[nodiscard]] sockaddr* data() { return &address_.any; }
  [[nodiscard]] socklen_t size() const;
  [[nodiscard]] int family() const { return address_.any.sa_family; }
  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  /// 127.0.0.0/8, ::1, or an IPv4 loopback address mapped into IPv6.
  [[nodiscard]] bool is_loopback() const;
  /// "127.0.0.1:1234", "[::1]:1234".
  [[nodiscard]] std::string text() const;
  /// The same without the port and without brackets.
  [[nodiscard]] std::string host_text() const;

 private:
  union Address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Address address_{};
};

/// HOST, HOST:PORT, [V6]:PORT or a bare V6 address, taken apart. Throws std::invalid_argument with
/// what is allowed.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
HostPort parse_host_port(std::string_view text, std::string_view default_host,
                         std::uint16_t default_port);

/// All stream addresses of `host` in the resolver's order (getaddrinfo(3), AI_ADDRCONFIG off, so
/// that
/// ::1 is found on a machine without other IPv6). Throws std::runtime_error naming the host.
std::vector<Endpoint> resolve(const std::string& host, std::uint16_t port);

/// The address that `fd` is bound to.
Endpoint local_endpoint(int fd);

/// Bytes asked of the kernel for a socket's buffers (it doubles them: socket(7)); unset: it tunes
/// them.
struct SocketBuffers {
  std::optional<std::uint64_t> receive, send;
};

/// TCP keepalive (tcp(7)); what is unset is the kernel's default. The kernel counts whole seconds.
struct Keepalive {
  bool on = false;  ///< implied by any of the others
  std::optional<std::chrono::nanoseconds> idle, interval;
  std::optional<std::uint64_t> count;
};

/// What a listener hands on to all that it accepts: on Linux a connection is a copy of its
/// listener's socket (sk_clone_lock()), so that each of these costs one call in all and none per
/// connection.
struct SocketOptions {
  bool nodelay = true;
  Keepalive keepalive;
  SocketBuffers buffers;  ///< inherited, so that the window is offered from the handshake on
  /// SO_RCVTIMEO and SO_SNDTIMEO: a blocking recv or send that has waited so long fails with
  /// EAGAIN. Event loops close idle connections themselves (idle.hpp).
  std::optional<std::chrono::nanoseconds> idle_timeout;
};

/// A listening socket: SO_REUSEADDR, O_NONBLOCK, close-on-exec; SO_REUSEPORT if several are to
/// share the address. What it accepts inherits `options`. Throws std::system_error "bind
/// 127.0.0.1:1234: Address already in use".
Descriptor listen_on(const Endpoint& where, int backlog, bool share_port,
                     const SocketOptions& options = {});

/// TCP_NODELAY. Failing is no reason to stop: the peer may be gone already.
void set_nodelay(int fd, bool on);
/// SO_RCVBUF and SO_SNDBUF, before connect(2): the window is offered in the handshake. Failing is
/// no reason to stop; the kernel cuts what it does not allow.
void set_buffers(int fd, const SocketBuffers& buffers);

}  // namespace echo
