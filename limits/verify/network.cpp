// Probes of the accept queue and of local ports; see probes.hpp.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "limits/tcp_counters.hpp"
#include "limits/verify/prediction.hpp"
#include "limits/verify/privilege.hpp"
#include "limits/verify/probes.hpp"

namespace limits {
namespace {

constexpr const char* port_range = "/proc/sys/net/ipv4/ip_local_port_range";
constexpr int most_tries = 40;  // 2 s
constexpr const char* somaxconn = "/proc/sys/net/core/somaxconn";

/// Listens on loopback; `port` 0: any. Returns the descriptor, or -1 with errno.
int listen_on_loopback(std::uint16_t port, int backlog, sockaddr_in& where) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof where;
  auto* address = reinterpret_cast<sockaddr*>(&where);
  if (listener < 0 || ::bind(listener, address, length) != 0 || ::listen(listener, backlog) != 0 ||
      ::getsockname(listener, address, &length) != 0) {
    return -1;
  }
  return listener;
}

/// A connect: 0, its errno, or EINPROGRESS when there is no answer and `given_up(tries)` is true;
/// it is asked every 50 ms.
template <typename GivenUp>
int connect_to(const sockaddr_in& where, int& socket, GivenUp given_up) {
  constexpr int interval_ms = 50;
  socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket < 0) return errno;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd entry{socket, POLLOUT, 0};
  for (int tries = 0; ::poll(&entry, 1, interval_ms) <= 0; ++tries) {
    if (given_up(tries)) return EINPROGRESS;
  }
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

}  // namespace

/// The backlog is larger than somaxconn where that may be lowered, and alone otherwise.
Finding probe_listen_backlog() {
  constexpr int most = 500;
  Finding finding;
  int backlog = 16;
  finding.confined = ShortText<64>("backlog 16");
  if (enter_network_namespace().empty() && write_setting(somaxconn, "40").empty()) {
    backlog = 128;
    finding.confined = ShortText<64>("backlog 128, somaxconn 40 of a namespace");
  }
  finding.predicted = predicted_queue(static_cast<std::uint64_t>(backlog));
  sockaddr_in where;
  if (listen_on_loopback(0, backlog, where) < 0)
    return not_verified(std::string("listen on loopback: ") + std::strerror(errno));
  const auto before = read_tcp_counters().listen_overflows;
  const auto overflowed = [&before] { return read_tcp_counters().listen_overflows > before; };
  int error = 0;
  for (int socket = -1; error == 0 && finding.reached < most;) {
    // On a busy machine a handshake may take longer than a dropped SYN is noticed.
    error =
        connect_to(where, socket, [&](int tries) { return overflowed() || tries >= most_tries; });
    if (error == 0) ++finding.reached;
  }
  const bool counted = error == EINPROGRESS && before && overflowed();
  finding.error = ShortText<64>(counted ? "ListenOverflows" : name_of_error(error));
  finding.verified = true;
  return finding;
}

Finding probe_local_ports() {
  constexpr std::uint64_t most = 500;
  if (const std::string reason = enter_network_namespace(); !reason.empty())
    return not_verified(reason);
  if (const std::string reason = write_setting(port_range, "40000 40199"); !reason.empty())
    return not_verified(reason);
  Demand client = nothing();
  client.takes_ports = true;
  Finding finding;
  finding.confined = ShortText<64>("ip_local_port_range 40000 40199 of a namespace");
  finding.predicted = predicted("local ports", client);
  sockaddr_in where;
  const int listener = listen_on_loopback(9'000, 64, where);
  if (listener < 0) return not_verified(std::string("listen on loopback: ") + std::strerror(errno));
  int error = 0;
  for (int socket = -1; error == 0 && finding.reached < most;) {
    error = connect_to(where, socket, [](int tries) { return tries >= most_tries; });
    if (error != 0) break;
    ++finding.reached;
    ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);  // keeps the queue short; stays open
  }
  finding.error = ShortText<64>(name_of_error(error));
  finding.verified = true;
  return finding;
}

}  // namespace limits
