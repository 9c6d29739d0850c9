#include "limits/tcp_counters.hpp"

#include "limits/proc_text.hpp"

namespace limits {

TcpCounters read_tcp_counters(const std::filesystem::path& root) {
  TcpCounters counters;
  if (const auto text = read_text(root / "proc/net/netstat")) {
    counters.listen_overflows = paired_number(*text, "TcpExt:", "ListenOverflows");
    counters.listen_drops = paired_number(*text, "TcpExt:", "ListenDrops");
    counters.syn_cookies_sent = paired_number(*text, "TcpExt:", "SyncookiesSent");
    counters.syn_retransmits = paired_number(*text, "TcpExt:", "TCPSynRetrans");
    counters.time_wait_recycled = paired_number(*text, "TcpExt:", "TWRecycled");
    counters.time_wait_overflow = paired_number(*text, "TcpExt:", "TCPTimeWaitOverflow");
  }
  if (const auto text = read_text(root / "proc/net/snmp")) {
    counters.retransmitted_segments = paired_number(*text, "Tcp:", "RetransSegs");
  }
  if (const auto text = read_text(root / "proc/net/sockstat")) {
    counters.time_wait = named_number(*text, "TCP:", "tw");  // one table for both families
  }
  return counters;
}

}  // namespace limits
