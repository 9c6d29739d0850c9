// Addresses, listeners and the socket options that both ends must agree on.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/stop.hpp"

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

/// The parts of HOST, HOST:PORT, [V6]:PORT or a bare V6 address. Throws std::invalid_argument that
/// states what is allowed.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
HostPort parse_host_port(std::string_view text, std::string_view default_host,
                         std::uint16_t default_port);

/// All stream addresses of `host` in the resolver's order. getaddrinfo(3) is called without
/// AI_ADDRCONFIG, so that ::1 is found on a machine without other IPv6 addresses. Throws
/// std::runtime_error with the host. A name server that does not answer blocks it for minutes.
std::vector<Endpoint> resolve(const std::string& host, std::uint16_t port);

/// The same, but returns nullopt as soon as `stop` drains or at `until`. getaddrinfo(3) cannot be
/// interrupted: it runs on a thread of its own, which is then abandoned. A numeric address needs no
/// thread. Where no thread can be started, the call is made directly.
std::optional<std::vector<Endpoint>> resolve(const std::string& host, std::uint16_t port,
                                             const Stop& stop,
                                             std::chrono::steady_clock::time_point until);

/// The address that `fd` is bound to.
Endpoint local_endpoint(int fd);

/// Requested bytes of a socket's buffers (the kernel doubles them: socket(7)). Unset: the kernel
/// tunes the size.
struct SocketBuffers {
  std::optional<std::uint64_t> receive, send;
};

/// TCP keepalive (tcp(7)). Unset: the kernel's default. The kernel counts whole seconds.
struct Keepalive {
  bool on = false;  ///< implied by each of the fields below
  std::optional<std::chrono::nanoseconds> idle, interval;
  std::optional<std::uint64_t> count;
};

/// What accepted sockets inherit from their listener. On Linux a connection is a copy of its
/// listener's socket (sk_clone_lock()), so each option costs one call in all and none per
/// connection.
struct SocketOptions {
  bool nodelay = true;
  Keepalive keepalive;
  SocketBuffers buffers;  ///< inherited, so the window is offered from the handshake on
  /// SO_RCVTIMEO and SO_SNDTIMEO: a blocking recv or send that has waited for this time fails with
  /// EAGAIN. Event loops close idle connections themselves (server/idle.hpp).
  std::optional<std::chrono::nanoseconds> idle_timeout;
};

/// A listening socket with SO_REUSEADDR, O_NONBLOCK and close-on-exec; with SO_REUSEPORT if several
/// share the address. Accepted sockets inherit `options`. Throws std::system_error "bind
/// 127.0.0.1:1234: Address already in use".
Descriptor listen_on(const Endpoint& where, int backlog, bool share_port,
                     const SocketOptions& options = {});

/// TCP_NODELAY. Errors are ignored: the peer may be gone already.
void set_nodelay(int fd, bool on);
/// SO_RCVBUF and SO_SNDBUF, before connect(2): the window is offered in the handshake. Errors are
/// ignored; the kernel clamps a size that it does not allow.
void set_buffers(int fd, const SocketBuffers& buffers);

// recv(2) and send(2) as raw system calls, for loops of non-blocking sockets. The C library's
// functions are cancellation points (https://man7.org/linux/man-pages/man7/pthreads.7.html): in a
// process with several threads each call executes two atomic operations (glibc 2.36) for a
// pthread_cancel(3) that these programs never call. Without them a loop uses 0.7 % less CPU
// (docs/decisions/0015). The sanitizers do not see what the kernel writes. Blocking code uses the C
// library's: the thread sanitizer keeps a signal back until a call that it knows returns.

/// Like recv(2) without flags: bytes received, 0 at the peer's FIN, or -1 and errno.
inline ssize_t raw_receive(int fd, std::span<std::byte> room) {
  return ::syscall(SYS_recvfrom, fd, room.data(), room.size(), 0, nullptr, nullptr);
}
/// Like send(2) with MSG_NOSIGNAL: bytes that the socket took, or -1 and errno.
inline ssize_t raw_send(int fd, std::span<const std::byte> bytes) {
  return ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace echo
