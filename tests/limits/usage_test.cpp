// What processes and the machine use, on fixture trees and on this process.
#include "limits/usage.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <string>
#include <thread>

#include "limits/rlimit.hpp"
#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

using fixtures::FixtureTree;

std::string status_text(const std::string& rss_kb) {
  return "Name:\tclient\nState:\tS (sleeping)\nVmSize:\t    3060 kB\nVmHWM:\t    2000 kB\nVmRSS:\t "
         "   " +
         rss_kb +
         " kB\nRssAnon:\t     116 kB\nVmPTE:\t      44 kB\nThreads:\t3\n"
         "voluntary_ctxt_switches:\t12\nnonvoluntary_ctxt_switches:\t4\n";
}

TEST(Usage, ReadsOneProcessInBytes) {
  FixtureTree tree;
  tree.file("/proc/7/status", status_text("1668"))
      .file("/proc/7/smaps_rollup",
            "00400000-7fff r--p 0 00:00 0 [rollup]\nRss: 9 kB\nPss:  150 kB\nPss_Dirty: 1 kB\n")
      .file("/proc/7/maps", "a\nb\nc\n")
      .file("/proc/7/fd/0", "")
      .file("/proc/7/fd/1", "");
  const Usage usage = read_usage({7}, Detail::full, tree.root());
  EXPECT_EQ(usage.pids, std::vector<pid_t>{7});
  EXPECT_EQ(usage.rss, 1668U * 1024);
  EXPECT_EQ(usage.peak_rss, 2000U * 1024);
  EXPECT_EQ(usage.rss_anon, 116U * 1024);
  EXPECT_EQ(usage.virtual_size, 3060U * 1024);
  EXPECT_EQ(usage.page_tables, 44U * 1024);
  EXPECT_EQ(usage.pss, 150U * 1024);
  EXPECT_EQ(usage.threads, 3U);
  EXPECT_EQ(usage.maps, 3U);
  EXPECT_EQ(usage.descriptors, 2U);
  EXPECT_EQ(usage.voluntary_switches, 12U);
  EXPECT_EQ(usage.involuntary_switches, 4U);
}

TEST(Usage, AddsUpProcessesAndLeavesOutThoseThatAreGone) {
  FixtureTree tree;
  tree.file("/proc/7/status", status_text("100"))
      .file("/proc/8/status", status_text("50"))
      .file("/proc/9/status", "State:\tZ (zombie)\nThreads:\t1\n")
      .file("/proc/7/fd/0", "")
      .file("/proc/8/fd/0", "");
  const Usage usage = read_usage({7, 99, 8, 9}, Detail::quick, tree.root());
  EXPECT_EQ(usage.pids, (std::vector<pid_t>{7, 8}));
  EXPECT_EQ(usage.rss, 150U * 1024);
  EXPECT_EQ(usage.threads, 6U);
  EXPECT_EQ(usage.descriptors, 2U);
  EXPECT_FALSE(usage.pss) << "quick does not read smaps_rollup";
  EXPECT_FALSE(usage.maps);
}

TEST(Usage, APartialSumIsNoSum) {
  FixtureTree tree;
  tree.file("/proc/7/status", status_text("100"))
      .file("/proc/8/status", "State:\tS\nThreads:\t1\n")  // a kernel thread: no memory lines
      .file("/proc/7/fd/0", "");
  const Usage usage = read_usage({7, 8}, Detail::quick, tree.root());
  EXPECT_EQ(usage.pids.size(), 2U);
  EXPECT_FALSE(usage.rss);
  EXPECT_EQ(usage.threads, 4U);
}

TEST(Usage, OfNobodyIsUnknownNotZero) {
  const Usage usage = read_usage({}, Detail::full);
  EXPECT_TRUE(usage.pids.empty());
  EXPECT_FALSE(usage.rss);
  EXPECT_FALSE(usage.descriptors);
}

TEST(Usage, OfThisProcessIsPlausible) {
  const Usage before = read_usage({::getpid()}, Detail::full);
  ASSERT_TRUE(before.rss && before.peak_rss && before.virtual_size && before.descriptors);
  EXPECT_GT(*before.rss, 100'000U);
  EXPECT_GE(*before.virtual_size, *before.rss);
  EXPECT_GE(before.threads, 1U);
  EXPECT_GT(before.maps.value_or(0), 5U);
  EXPECT_GT(before.pss.value_or(0), 0U);
  const int extra = ::dup(STDERR_FILENO);
  EXPECT_EQ(read_usage({::getpid()}, Detail::quick).descriptors, *before.descriptors + 1);
  ::close(extra);
}

TEST(Machine, ReadsMemoryAndSocketBuffers) {
  FixtureTree tree;
  tree.file("/proc/meminfo",
            "MemTotal: 9 kB\nMemFree:  100 kB\nBuffers:  20 kB\nCached:  3 kB\nSwapCached: 7 kB\n"
            "AnonPages: 40 kB\nSlab: 50 kB\nKernelStack: 60 kB\nPageTables: 70 kB\n")
      .file("/proc/net/sockstat",
            "sockets: used 9\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 198\nUDP: inuse 0 mem 5\n");
  const Machine machine = read_machine(tree.root());
  EXPECT_EQ(machine.free, 123U * 1024);
  EXPECT_EQ(machine.anon, 40U * 1024);
  EXPECT_EQ(machine.slab, 50U * 1024);
  EXPECT_EQ(machine.kernel_stack, 60U * 1024);
  EXPECT_EQ(machine.page_tables, 70U * 1024);
  EXPECT_EQ(machine.socket, 198U * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

TEST(Machine, PagesThatAProcessorKeepsAreFree) {
  FixtureTree tree;
  tree.file("/proc/meminfo", "MemFree: 100 kB\nBuffers: 20 kB\nCached: 3 kB\n")
      .file("/proc/zoneinfo",
            "Node 0, zone    DMA\n  pages free     3840\n  pagesets\n    cpu: 0\n"
            "              count:    0\n              high:     14\n"
            "Node 0, zone   Normal\n  pages free     5000000\n  pagesets\n    cpu: 0\n"
            "              count:    7001\n              high:     4725\n    cpu: 1\n"
            "              count:    12\n              batch:    63\n");
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_EQ(read_machine(tree.root()).free, 123U * 1024 + 7013 * page);
}

TEST(Machine, WithoutFilesKnowsNothing) {
  FixtureTree tree;
  tree.file("/proc/meminfo", "MemFree: 100 kB\n").file("/proc/net/sockstat", "TCP: inuse 1\n");
  const Machine machine = read_machine(tree.root());
  EXPECT_FALSE(machine.free) << "one part of the sum is missing";
  EXPECT_FALSE(machine.slab);
  EXPECT_FALSE(machine.socket);
}

TEST(Resident, IsTheSumOverTheLivingInBytes) {
  FixtureTree tree;
  tree.file("/proc/7/statm", "500 30 20 1 0 9 0\n")
      .file("/proc/8/statm", "500 12 5 1 0 9 0\n")
      .file("/proc/9/statm", "0 0 0 0 0 0 0\n");  // a zombie
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_EQ(read_resident({7, 99, 8, 9}, tree.root()), 42 * page);
  EXPECT_FALSE(read_resident({9, 99}, tree.root()));
}

// Bug: the descriptors of a thread that had left the table of its process were not counted.
TEST(Usage, CountsTheDescriptorsOfAllTables) {
  const auto alone = read_usage({::getpid()}, Detail::quick).descriptors;
  std::promise<void> opened;
  std::promise<void> seen;
  std::thread with_a_table{[&] {
    leave_descriptor_table({});
    const int one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    opened.set_value();
    seen.get_future().wait();
    ::close(one);
  }};
  opened.get_future().wait();
  const auto tables = descriptor_tables(::getpid(), 1'000);
  const auto both = read_usage({::getpid()}, Detail::quick).descriptors;
  seen.set_value();
  with_a_table.join();
  if (!tables) GTEST_SKIP() << "kcmp(2) is refused";
  EXPECT_EQ(tables->size(), 2U);
  EXPECT_EQ(tables->front(), ::getpid());
  // Three standard ones and its own; it has closed what it had inherited.
  EXPECT_EQ(both, *alone + 4);
  EXPECT_FALSE(descriptor_tables(::getpid(), 0)) << "more threads than allowed";
}

}  // namespace
}  // namespace limits
