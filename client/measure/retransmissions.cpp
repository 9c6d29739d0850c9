#include "client/measure/retransmissions.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstddef>

namespace client {

std::optional<std::uint64_t> segments_sent_again(int fd) {
  tcp_info info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  constexpr std::size_t end = offsetof(tcp_info, tcpi_total_retrans) + sizeof(std::uint32_t);
  if (length < end) return std::nullopt;
  return info.tcpi_total_retrans;
}

void RetransmissionCounter::begin(std::span<const Connection> connections) {
  sum_ = {};
  add_established(connections);
  before_ = sum_.segments;
  sum_ = {};
  counts_ = true;
}

Retransmissions RetransmissionCounter::end(std::span<const Connection> connections) {
  if (!counts_) return {};
  add_established(connections);
  counts_ = false;
  sum_.segments -= before_;
  return sum_;
}

void RetransmissionCounter::add(const Connection& connection) {
  // By number and not by place: churn uses some places more often than others.
  if (connection.number / stride_ % of_each_ != 0) return;
  const auto segments = segments_sent_again(connection.fd);
  if (!segments) return;
  sum_.segments += *segments;
  ++sum_.connections;
}

void RetransmissionCounter::add_established(std::span<const Connection> connections) {
  for (const Connection& connection : connections) {
    if (connection.state == State::standing || connection.state == State::draining) add(connection);
  }
}

}  // namespace client
