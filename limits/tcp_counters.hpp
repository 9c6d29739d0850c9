// What TCP of this network namespace has counted since it came to be, and what it holds now.
//
// A run reads them twice, and the difference says what the kernel did without telling either end:
// dropped a SYN, sent a segment again, forgot a TIME_WAIT.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace limits {

/// Events from /proc/net/netstat (TcpExt) and /proc/net/snmp (Tcp), a count from
/// /proc/net/sockstat.
struct TcpCounters {
  std::optional<std::uint64_t> listen_overflows;        ///< ListenOverflows
  std::optional<std::uint64_t> listen_drops;            ///< ListenDrops
  std::optional<std::uint64_t> retransmitted_segments;  ///< RetransSegs, SYNs among them
  std::optional<std::uint64_t> syn_retransmits;         ///< TCPSynRetrans: connects a second late
  std::optional<std::uint64_t> syn_cookies_sent;        ///< SyncookiesSent
  /// Sockets in TIME_WAIT now. Each keeps its port from its destination for 60 s, or until a
  /// connect takes it over (net.ipv4.tcp_tw_reuse).
  std::optional<std::uint64_t> time_wait;
  std::optional<std::uint64_t> time_wait_recycled;  ///< TWRecycled: taken over by a new connect
  /// TCPTimeWaitOverflow: not entered, as net.ipv4.tcp_max_tw_buckets were full. A port is free at
  /// once, and a late segment of its last life may hit the next.
  std::optional<std::uint64_t> time_wait_overflow;
};
TcpCounters read_tcp_counters(const std::filesystem::path& root = "/");

}  // namespace limits
