// Segments that the kernel sent again on the connections of a loop while it had traffic.
//
// TCP_INFO's tcpi_total_retrans (tcp(7)) counts them per connection since its connect, in the
// direction from this client. So each connection is looked at twice, when the traffic begins and
// when it or the traffic ends, and never in between: a look is a call of some 0.7 us. The kernel's
// counter RetransSegs is that of all programs of the network namespace (limits/tcp_counters.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "client/connection/connection.hpp"

namespace client {

struct Retransmissions {
  std::uint64_t segments = 0;
  std::uint64_t connections = 0;  ///< looked at; 0: the segments are unknown

  Retransmissions& operator+=(const Retransmissions& other) {
    segments += other.segments;
    connections += other.connections;
    return *this;
  }
};

/// Segments sent again on the connection `fd` since its connect; nullopt: not told.
std::optional<std::uint64_t> segments_sent_again(int fd);

class RetransmissionCounter {
 public:
  /// Looks at one connection in `of_each` of a loop whose connections have numbers `stride` apart.
  RetransmissionCounter(std::uint32_t of_each, std::uint32_t stride)
      : of_each_(of_each), stride_(stride) {}

  /// The traffic begins on the established ones of `connections`.
  void begin(std::span<const Connection> connections);
  /// `connection`, which was established, is about to be closed.
  void closing(const Connection& connection) {
    if (counts_) add(connection);
  }
  /// The traffic has ended: what was sent again since begin().
  Retransmissions end(std::span<const Connection> connections);

 private:
  void add(const Connection& connection);
  void add_established(std::span<const Connection> connections);

  std::uint32_t of_each_, stride_;
  bool counts_ = false;
  std::uint64_t before_ = 0;
  Retransmissions sum_;
};

}  // namespace client
