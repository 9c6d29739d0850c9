#include "client/measure/server_sockets.hpp"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>

#include "echo/descriptor.hpp"

namespace client {
namespace {

/// Both families as IPv6; IPv4 as a mapped address.
in6_addr mapped(int family, const void* bytes) {
  in6_addr address{};
  if (family == AF_INET6) {
    std::memcpy(&address, bytes, sizeof address);
  } else {
    address.s6_addr[10] = address.s6_addr[11] = 0xff;
    std::memcpy(address.s6_addr + 12, bytes, 4);
  }
  return address;
}

in6_addr mapped(const echo::Endpoint& endpoint) {
  if (endpoint.family() == AF_INET6)
    return reinterpret_cast<const sockaddr_in6*>(endpoint.data())->sin6_addr;
  return mapped(AF_INET, &reinterpret_cast<const sockaddr_in*>(endpoint.data())->sin_addr);
}

bool same(const in6_addr& a, const in6_addr& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

bool is_wildcard(const in6_addr& address) {
  const bool v4 = IN6_IS_ADDR_V4MAPPED(&address);
  return IN6_IS_ADDR_UNSPECIFIED(&address) ||
         (v4 && std::memcmp(address.s6_addr + 12, "\0\0\0\0", 4) == 0);
}

constexpr unsigned listening = 1U << TCP_LISTEN;
constexpr unsigned connected = 1U << TCP_ESTABLISHED;

/// A dump request that the kernel filters: local ports from `first` to `last`. Each comparison has
/// two entries, the second with the port; `no` jumps beyond the end, which refuses the socket
/// (inet_diag_bc_run() in net/ipv4/inet_diag.c).
struct Request {
  nlmsghdr header{};
  inet_diag_req_v2 query{};
  rtattr attribute{};
  std::array<inet_diag_bc_op, 4> filter{};
};
static_assert(sizeof(inet_diag_bc_op) == 4);

Request request_for(int family, unsigned states, std::uint16_t first, std::uint16_t last) {
  Request request;
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.query.sdiag_family = static_cast<std::uint8_t>(family);
  request.query.sdiag_protocol = IPPROTO_TCP;
  request.query.idiag_states = states;
  if (states == listening) request.query.idiag_ext = 1U << (INET_DIAG_SKMEMINFO - 1U);
  request.attribute.rta_type = INET_DIAG_REQ_BYTECODE;
  request.attribute.rta_len = sizeof request.attribute + sizeof request.filter;
  request.filter = {{{INET_DIAG_BC_S_GE, 8, 20},
                     {INET_DIAG_BC_NOP, 0, first},
                     {INET_DIAG_BC_S_LE, 8, 12},
                     {INET_DIAG_BC_NOP, 0, last}}};
  return request;
}

/// The drops of a socket (SK_MEMINFO_DROPS, Linux 4.13).
std::optional<std::uint32_t> drops_of(const nlmsghdr& message) {
  const char* at = static_cast<const char*>(NLMSG_DATA(&message)) + sizeof(inet_diag_msg);
  const char* end = reinterpret_cast<const char*>(&message) + message.nlmsg_len;
  while (end - at >= static_cast<std::ptrdiff_t>(sizeof(rtattr))) {
    rtattr attribute{};
    std::memcpy(&attribute, at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > end - at) break;
    const std::size_t length = attribute.rta_len - sizeof attribute;
    constexpr std::size_t place = SK_MEMINFO_DROPS * sizeof(std::uint32_t);
    if (attribute.rta_type == INET_DIAG_SKMEMINFO && length >= place + sizeof(std::uint32_t)) {
      std::uint32_t drops = 0;
      std::memcpy(&drops, at + sizeof attribute + place, sizeof drops);
      return drops;
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return std::nullopt;
}

/// A socket of the listing.
struct Listed {
  in6_addr local;
  std::uint64_t backlog;  ///< of a listener
  std::optional<std::uint32_t> drops;
};
using Visit = std::function<bool(const Listed&)>;

/// Calls `visit` with each socket in one of `states` (bits) on these ports; false from it ends the
/// listing. Returns false if the kernel refused it.
bool list(int family, unsigned states, std::uint16_t first, std::uint16_t last,
          const Visit& visit) {
  const echo::Descriptor socket{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (!socket) return false;
  const timeval patience{1, 0};  // the kernel answers at once or not at all
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  const Request request = request_for(family, states, first, last);
  if (::send(socket.get(), &request, sizeof request, 0) != ssize_t{sizeof request}) return false;
  alignas(nlmsghdr) std::array<char, 1U << 15U> buffer;
  for (;;) {
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    auto left = static_cast<std::uint32_t>(got);
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
         NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
      if (message->nlmsg_type == NLMSG_DONE) return true;
      if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY) return false;
      const auto& one = *static_cast<const inet_diag_msg*>(NLMSG_DATA(message));
      const Listed listed{mapped(one.idiag_family, one.id.idiag_src), one.idiag_wqueue,
                          drops_of(*message)};
      if (!visit(listed)) return true;
    }
  }
}

/// The same for both families: a listener of IPv6 may accept IPv4 too.
bool list_all(const std::vector<echo::Endpoint>& targets, unsigned states, const Visit& visit) {
  const std::uint16_t first = targets.front().port();
  const std::uint16_t last = targets.back().port();
  bool more = true;
  const Visit until_done = [&](const Listed& one) { return more = visit(one); };
  const bool v4 = list(AF_INET, states, first, last, until_done);
  if (!more) return true;
  const bool v6 = list(AF_INET6, states, first, last, until_done);
  return v4 || v6;  // a kernel without IPv6 has no such sockets
}

/// The listeners that a connect to `targets` reaches: those at the address, else at the wildcard.
std::vector<Listed> reached_by(const std::vector<echo::Endpoint>& targets) {
  if (targets.empty()) return {};
  const in6_addr wanted = mapped(targets.front());
  std::vector<Listed> exact;
  std::vector<Listed> wildcard;
  list_all(targets, listening, [&](const Listed& one) {
    if (same(one.local, wanted)) exact.push_back(one);
    if (is_wildcard(one.local)) wildcard.push_back(one);
    return true;
  });
  return exact.empty() ? wildcard : exact;
}

}  // namespace

ServerSockets::ServerSockets(const std::vector<echo::Endpoint>& targets) {
  if (!targets.empty() && targets.front().is_loopback()) targets_ = targets;
}

std::optional<ListenerState> ServerSockets::listeners() const {
  const std::vector<Listed> found = reached_by(targets_);
  if (found.empty()) return std::nullopt;
  ListenerState state{.drops = 0, .backlog = found.front().backlog};
  for (const Listed& one : found) {
    if (!one.drops) return std::nullopt;
    state.drops += *one.drops;
    state.backlog = std::min(state.backlog, one.backlog);
  }
  return state;
}

std::optional<std::uint64_t> ServerSockets::established() const {
  const std::vector<Listed> found = reached_by(targets_);
  if (found.empty()) return std::nullopt;
  const bool any_address = is_wildcard(found.front().local);
  const in6_addr wanted = mapped(targets_.front());
  std::uint64_t count = 0;
  const bool listed = list_all(targets_, connected, [&](const Listed& one) {
    if (any_address || same(one.local, wanted)) ++count;
    return count < most_listed;
  });
  return listed ? std::optional(count) : std::nullopt;
}

}  // namespace client
