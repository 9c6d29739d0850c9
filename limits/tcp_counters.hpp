// The TCP counters of this network namespace since its creation, and its current TIME_WAIT sockets.
//
// A run reads them twice. The difference shows what the kernel did without notifying either end:
// dropped a SYN, retransmitted a segment, discarded a TIME_WAIT.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace limits {

/// Events from /proc/net/netstat (TcpExt) and /proc/net/snmp (Tcp), and a count from
/// /proc/net/sockstat.
struct TcpCounters {
  std::optional<std::uint64_t> listen_overflows;        ///< ListenOverflows
  std::optional<std::uint64_t> listen_drops;            ///< ListenDrops
  std::optional<std::uint64_t> retransmitted_segments;  ///< RetransSegs, SYNs included
  std::optional<std::uint64_t> syn_retransmits;         ///< TCPSynRetrans: connects a second late
  std::optional<std::uint64_t> syn_cookies_sent;        ///< SyncookiesSent
  /// Sockets now in TIME_WAIT. Each blocks its port towards its destination for 60 s, or until a
  /// connect takes the port over (net.ipv4.tcp_tw_reuse).
  std::optional<std::uint64_t> time_wait;
  std::optional<std::uint64_t> time_wait_recycled;  ///< TWRecycled: taken over by a new connect
  /// TCPTimeWaitOverflow: not entered, because net.ipv4.tcp_max_tw_buckets was reached. The port is
  /// free immediately, and a late segment of the old connection may reach the next one.
  std::optional<std::uint64_t> time_wait_overflow;
};
TcpCounters read_tcp_counters(const std::filesystem::path& root = "/");

}  // namespace limits
