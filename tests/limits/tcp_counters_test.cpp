// TCP's counters, by name.
#include "limits/tcp_counters.hpp"

#include <gtest/gtest.h>

#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

using fixtures::FixtureTree;

TEST(TcpCounters, ComeFromPairedLinesByName) {
  FixtureTree tree;
  tree.file("/proc/net/netstat",
            "TcpExt: SyncookiesSent ListenOverflows ListenDrops TWRecycled TCPTimeWaitOverflow "
            "TCPSynRetrans\nTcpExt: 1 22 333 5 6 7\n"
            "IpExt: ListenDrops\nIpExt: 9\n")
      .file("/proc/net/snmp", "Ip: Forwarding\nIp: 1\nTcp: MaxConn RetransSegs\nTcp: -1 44\n")
      .file("/proc/net/sockstat", "sockets: used 9\nTCP: inuse 3 orphan 0 tw 88 alloc 4 mem 1\n");
  const TcpCounters counters = read_tcp_counters(tree.root());
  EXPECT_EQ(counters.syn_cookies_sent, 1U);
  EXPECT_EQ(counters.listen_overflows, 22U);
  EXPECT_EQ(counters.listen_drops, 333U);
  EXPECT_EQ(counters.retransmitted_segments, 44U);
  EXPECT_EQ(counters.time_wait, 88U);
  EXPECT_EQ(counters.time_wait_recycled, 5U);
  EXPECT_EQ(counters.time_wait_overflow, 6U);
  EXPECT_EQ(counters.syn_retransmits, 7U);
  EXPECT_FALSE(read_tcp_counters(FixtureTree().root()).listen_drops);
}

}  // namespace
}  // namespace limits
