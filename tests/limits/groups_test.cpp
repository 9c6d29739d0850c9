// The rows of each group: what counts against them, and when they warn instead of refusing.
#include "limits/groups/groups.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "limits/preflight.hpp"
#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

using fixtures::client;
using fixtures::roomy;
using fixtures::row;
using fixtures::threads;

// Wanted: fs.nr_open bounds every RLIMIT_NOFILE, and had no row where the hard limit was below it.
TEST(Preflight, NrOpenIsARowWhoeverMayRaiseTheHardLimit) {
  for (const bool can_raise : {false, true}) {
    Ceilings ceilings = roomy();
    ceilings.can_raise_hard = can_raise;
    ceilings.nr_open->value = 20'000;
    const auto verdicts = preflight({client(10'000)}, ceilings, 0);
    EXPECT_EQ(row(verdicts, "open files, highest").bites_at, 19'985U) << can_raise;
    EXPECT_EQ(row(verdicts, "open files").need, 10'016U) << can_raise;
  }
}

// Wanted: each connection of an event-driven end is a watch, of one user for both ends.
TEST(Preflight, EpollWatchesOfBothEndsAddUp) {
  const Demand loop{10'000, event_traits(16, 0)};
  const auto watches = [](const Demands& demands) {
    return row(preflight(demands, roomy(), 0), "epoll watches, user").need;
  };
  EXPECT_EQ(watches({loop, client(10'000)}), 20'000U);
  EXPECT_EQ(watches({threads(10'000), client(10'000)}), 10'000U) << "blocking reads need none";
  EXPECT_EQ(watches({{10'000, process_traits()}}), 10'000U) << "the pidfds of its children";
}

TEST(Preflight, ProcessIdsOfOuterNamespacesAreUnknownAndNotForgotten) {
  Ceilings ceilings = roomy();
  EXPECT_THROW(row(preflight({threads(10)}, ceilings, 0), "process ids, outside"),
               std::out_of_range);
  ceilings.inner_pid_namespace = true;
  ceilings.process_ids_used = 3;
  ceilings.threads_running = 500;
  ceilings.pid_max->value = 1'000;
  const auto verdicts = preflight({threads(10)}, ceilings, 0);
  EXPECT_EQ(row(verdicts, "process ids, outside").status, Status::unknown);
  EXPECT_EQ(row(verdicts, "process ids").have, 697U) << "only those of its own namespace";
}

TEST(Preflight, MemoryThatIsMappedCountsWhereNothingIsOvercommitted) {
  Ceilings ceilings = roomy();
  EXPECT_THROW(row(preflight({threads(10)}, ceilings, 0), "committed memory"), std::out_of_range);
  ceilings.commit_limit = fixtures::ceiling(500'000'000, "/proc/meminfo CommitLimit");
  ceilings.committed = 100'000'000;
  const auto verdicts = preflight({threads(10'000)}, ceilings, 0);
  EXPECT_EQ(row(verdicts, "committed memory").have, 400'000'000U);
  EXPECT_EQ(row(verdicts, "committed memory").lift, "sysctl -w vm.overcommit_memory=0");
}

TEST(Preflight, TcpMemoryIsAWarningOfOnePageForEachMessageOnItsWay) {
  Ceilings ceilings = roomy();
  ceilings.tcp_pages->value = 9'000;
  ceilings.tcp_pages_used = 100;
  const auto verdicts = preflight({threads(10'000), client(10'000)}, ceilings, 0);
  const Verdict& tcp = row(verdicts, "TCP memory, pages");
  EXPECT_EQ(tcp.status, Status::warn);
  EXPECT_EQ(tcp.have, 8'900U);
  EXPECT_FALSE(tcp.bites_at);
  EXPECT_EQ(tcp.lift, "sysctl -w net.ipv4.tcp_mem='5500 7332 11000'");
  EXPECT_EQ(first_refusal(verdicts), nullptr);
}

TEST(Preflight, EachRowStatesItsSymptomAndWhoMayLiftIt) {
  Ceilings c = roomy();
  c.inner_pid_namespace = true;
  c.commit_limit = c.memory;
  c.conntrack_max = c.somaxconn;
  c.cpu_quota = c.somaxconn;
  Demand all{200, thread_traits(1ULL << 40U, 4'096)};
  all.traits.descriptors_below = 1'024;
  const auto verdicts = preflight({all, client(200)}, c, 4096);
  EXPECT_EQ(verdicts.size(), 22U) << "all of them";
  for (const Verdict& verdict : verdicts) {
    EXPECT_NE(verdict.symptom, "") << verdict.name;
    EXPECT_NE(verdict.who, "") << verdict.name;
  }
}

TEST(Preflight, StacksBeyondTheUserAddressesAreRefusedByName) {
  const Demand large{200, thread_traits(1ULL << 40U, 4'096)};
  const auto verdicts = preflight({large}, roomy(), 4096);
  ASSERT_NE(first_refusal(verdicts), nullptr);
  EXPECT_EQ(first_refusal(verdicts)->name, "user addresses");
  EXPECT_EQ(first_refusal(verdicts)->bites_at, 128U);
  EXPECT_THROW(row(preflight({threads(10'000)}, roomy(), 4096), "user addresses"),
               std::out_of_range)
      << "no row where process ids end first";
}

// Bug: half a range was reported as the end of it, where connect(2) is slow and not refused.
TEST(Preflight, PortsWarnFromHalfTheRangeOfEachSourceAndEndWithIt) {
  const auto ports = [](std::uint64_t n, std::uint64_t sources) {
    return row(preflight({client(n, sources)}, roomy(), 0), "local ports");
  };
  EXPECT_EQ(ports(14'116, 1).status, Status::ok);
  EXPECT_EQ(ports(14'117, 1).status, Status::warn);
  EXPECT_EQ(ports(28'232, 1).status, Status::warn);
  EXPECT_EQ(ports(28'233, 1).status, Status::short_);
  EXPECT_EQ(ports(14'117, 1).bites_at, 28'233U);
  EXPECT_EQ(ports(14'117, 2).status, Status::ok);
  EXPECT_EQ(ports(14'117, 1).lift, "sysctl -w net.ipv4.ip_local_port_range='1024 65535'");
  EXPECT_EQ(ports(100'000, 1).lift, "client --source with 8 addresses (ADDR,ADDR,.. or a CIDR)");
  EXPECT_THROW(row(preflight({threads(10)}, roomy(), 4096), "local ports"), std::out_of_range);
}

TEST(Preflight, AShortAcceptQueueWarnsAndNeverRefuses) {
  Ceilings ceilings = roomy();
  ceilings.somaxconn->value = 128;
  const auto verdicts = preflight({threads(10'000)}, ceilings, 4096);
  EXPECT_EQ(first_refusal(verdicts), nullptr);
  const Verdict& backlog = row(verdicts, "listen backlog");
  EXPECT_EQ(backlog.status, Status::warn);
  EXPECT_EQ(backlog.have, 129U);
  EXPECT_EQ(backlog.need, 4096U);
  EXPECT_FALSE(backlog.bites_at);
  EXPECT_EQ(backlog.lift, "sysctl -w net.core.somaxconn=4096");
  EXPECT_EQ(row(preflight({threads(100)}, ceilings, 4096), "listen backlog").status, Status::ok);
  EXPECT_EQ(row(preflight({threads(10'000)}, roomy(), 16), "listen backlog").lift,
            "--backlog 4096");
  EXPECT_THROW(row(preflight({client(10)}, roomy(), 0), "listen backlog"), std::out_of_range);
}

// Wanted: connection tracking drops packets at its limit, and no row showed it.
TEST(Preflight, ConnectionTrackingIsAWarningWhereItIsLoaded) {
  Ceilings c = roomy();
  const auto rows_of = [&c](std::uint64_t n) { return preflight({threads(n), client(n)}, c, 0); };
  EXPECT_THROW(row(rows_of(10'000), "tracked connections"), std::out_of_range) << "not loaded";
  c.conntrack_max = fixtures::ceiling(65'536, "/proc/sys/net/netfilter/nf_conntrack_max");
  c.conntrack_used = 60'000;
  const std::vector<Verdict> few = rows_of(5'000);
  EXPECT_EQ(row(few, "tracked connections").status, Status::ok);
  const std::vector<Verdict> many = rows_of(10'000);
  const Verdict& short_of = row(many, "tracked connections");
  EXPECT_EQ(short_of.status, Status::warn) << "the firewall may track none";
  EXPECT_EQ(short_of.have, 5'536U);
  EXPECT_EQ(short_of.need, 10'000U) << "both ends share an entry";
  EXPECT_EQ(short_of.lift, "sysctl -w net.netfilter.nf_conntrack_max=75000");
  EXPECT_EQ(first_refusal(many), nullptr);
}

TEST(Preflight, ACpuQuotaBelowTheProcessorsIsAWarningThatBitesAtNoNumber) {
  Ceilings c = roomy();
  c.processors = 2;
  EXPECT_THROW(row(preflight({threads(10)}, c, 0), "CPU quota, % of one"), std::out_of_range)
      << "no controller, no row";
  c.cpu_quota = fixtures::ceiling(200, "/sys/fs/cgroup/a/cpu.max");
  EXPECT_EQ(row(preflight({threads(10)}, c, 0), "CPU quota, % of one").status, Status::ok);
  c.cpu_quota->value = 50;
  const auto verdicts = preflight({threads(10)}, c, 0);
  const Verdict& quota = row(verdicts, "CPU quota, % of one");
  EXPECT_EQ(quota.status, Status::warn);
  EXPECT_FALSE(quota.bites_at);
  EXPECT_EQ(quota.lift, "echo max > /sys/fs/cgroup/a/cpu.max");
  EXPECT_EQ(first_refusal(verdicts), nullptr);
}

}  // namespace
}  // namespace limits
