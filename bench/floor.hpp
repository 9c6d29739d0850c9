// What the floor programs share: clocks, descriptors, a listening socket. Ratios are measured
// against these programs, so they link nothing of the rest of the project and do no more than the
// work itself. Any error ends them with one line.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace bench {

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

[[noreturn]] inline void give_up(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::exit(1);
}

inline std::int64_t read_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

inline std::int64_t now_ns() {
  return read_ns(CLOCK_MONOTONIC);
}

/// Raises the soft limit to the hard limit.
inline void raise_open_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// `host`: in host byte order.
inline sockaddr_in address_of(std::uint32_t host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  address.sin_port = htons(port);
  return address;
}

struct ServerArguments {
  std::uint16_t port = 0;
  bool http = false;
};

/// Of a floor server: PORT [--http]. Ends the program with 2 for anything else.
inline ServerArguments server_arguments(int argc, char** argv) {
  ServerArguments arguments;
  arguments.http = argc == 3 && std::string_view(argv[2]) == "--http";
  const std::string_view port = argc > 1 ? argv[1] : "";
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), arguments.port);
  const bool is_port = error == std::errc{} && end == port.data() + port.size();
  if (is_port && (argc == 2 || arguments.http)) return arguments;
  std::fprintf(stderr, "usage: %s PORT [--http], PORT from 0 (any) to 65535\n", argv[0]);
  std::exit(2);
}

/// Listens on 127.0.0.1 and prints the port (0: any). `type`: SOCK_NONBLOCK or 0. Accepted sockets
/// inherit TCP_NODELAY, so that they need no call for it.
inline int listen_and_tell(std::uint16_t port, int type) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type, 0);
  if (listener < 0) fail("socket");
  const int on = 1;
  ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address = address_of(INADDR_LOOPBACK, port);
  socklen_t length = sizeof address;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), length) != 0) fail("bind");
  if (::listen(listener, 4096) != 0) fail("listen");
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length);
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace bench
