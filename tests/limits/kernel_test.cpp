// Sysctls and control groups, read from trees that resemble real machines of each kind.
#include "limits/kernel.hpp"

#include <gtest/gtest.h>

#include <string>

#include "limits/cgroup.hpp"
#include "limits/rlimit.hpp"
#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

using fixtures::FixtureTree;

std::string mount(const std::string& top, const std::string& point, const std::string& rest) {
  return "31 23 0:28 " + top + " " + point + " rw,relatime shared:9 - " + rest + "\n";
}
const std::string v2_mount = mount("/", "/sys/fs/cgroup", "cgroup2 cgroup2 rw");
const std::string v1_pids = mount("/", "/sys/fs/cgroup/pids", "cgroup cgroup rw,pids");
const std::string v1_memory = mount("/", "/sys/fs/cgroup/memory", "cgroup cgroup rw,memory");

TEST(Kernel, ReadsASysctlAndNamesItsFile) {
  FixtureTree tree;
  tree.file("/proc/sys/vm/max_map_count", "65530\n")
      .file("/proc/sys/fs/file-nr", "379\t0\t2466183\n");
  const Kernel kernel(tree.root());
  ASSERT_TRUE(kernel.sysctl("vm.max_map_count"));
  EXPECT_EQ(kernel.sysctl("vm.max_map_count")->value, 65'530U);
  EXPECT_EQ(kernel.sysctl("vm.max_map_count")->source, "/proc/sys/vm/max_map_count");
  EXPECT_EQ(kernel.files_open(), 379U);
}

TEST(Kernel, ReturnsNothingForWhatItCannotRead) {
  FixtureTree tree;
  tree.file("/proc/sys/fs/nr_open", "many\n").file("/proc/loadavg", "0.1 0.1 0.1\n");
  const Kernel kernel(tree.root());
  EXPECT_FALSE(kernel.sysctl("fs.nr_open"));
  EXPECT_FALSE(kernel.sysctl("fs.file-max"));
  EXPECT_FALSE(kernel.cgroup_tasks());
  EXPECT_FALSE(kernel.cgroup_tasks_used());
  EXPECT_FALSE(kernel.cgroup_memory());
  EXPECT_FALSE(kernel.files_open());
  EXPECT_FALSE(kernel.threads_running());
  EXPECT_FALSE(kernel.memory_available());
  EXPECT_EQ(kernel.port_range().count(), 28'232U);
}

TEST(Kernel, ReadsThreadsMemoryAndPorts) {
  FixtureTree tree;
  tree.file("/proc/loadavg", "0.08 0.02 0.01 1/83 3119\n")
      .file("/proc/meminfo", "MemTotal:  100 kB\nMemFree:  50 kB\nMemAvailable:   75 kB\n")
      .file("/proc/sys/net/ipv4/ip_local_port_range", "1024\t65535\n");
  const Kernel kernel(tree.root());
  EXPECT_EQ(kernel.threads_running(), 83U);
  EXPECT_EQ(kernel.memory_available()->value, 75U * 1024);
  EXPECT_EQ(kernel.port_range().count(), 64'512U);
}

TEST(Kernel, CountsTheTasksOfOneUserOnly) {
  FixtureTree tree;
  tree.file("/proc/10/status", "Uid:\t1000\t0\t0\t0\nThreads:\t5\n")
      .file("/proc/11/status", "Uid:\t1000\t1000\t1000\t1000\nThreads:\t2\n")
      .file("/proc/12/status", "Uid:\t0\t1000\t0\t0\nThreads:\t9\n")
      .file("/proc/sys/status", "Uid:\t1000\nThreads:\t100\n");
  EXPECT_EQ(Kernel(tree.root()).tasks_of_user(1000), 7U);
}

// Bug: RLIMIT_NPROC counts by user and user namespace; tasks of the same uid outside were counted.
TEST(Kernel, CountsTheTasksOfItsOwnUserNamespaceOnly) {
  FixtureTree tree;
  tree.file("/proc/self/ns/user", "own")
      .file("/proc/10/status", "Uid:\t0\t0\t0\t0\nThreads:\t5\n")
      .file("/proc/11/status", "Uid:\t0\t0\t0\t0\nThreads:\t2\n")
      .file("/proc/11/ns/user", "another")
      .file("/proc/12/status", "Uid:\t0\t0\t0\t0\nThreads:\t9\n");
  std::filesystem::create_directory(tree.root() / "proc/10/ns");
  std::filesystem::create_hard_link(tree.root() / "proc/self/ns/user",
                                    tree.root() / "proc/10/ns/user");
  EXPECT_EQ(Kernel(tree.root()).tasks_of_user(0), 5U) << "not those that may not be seen, either";
}

TEST(Kernel, CountsTheProcessIdsOfItsOwnNamespaceWhereItIsAnInnerOne) {
  FixtureTree tree;
  tree.file("/proc/loadavg", "0.08 0.02 0.01 1/83 3119\n")
      .file("/proc/1/status", "Uid:\t0\nThreads:\t5\n")
      .file("/proc/2/status", "Uid:\t7\nThreads:\t2\n");
  const Kernel kernel(tree.root());
  EXPECT_FALSE(kernel.in_inner_pid_namespace()) << "unknown";
  EXPECT_EQ(kernel.process_ids_used(), 83U);
  tree.file("/proc/self/ns/pid", "");
  EXPECT_TRUE(kernel.in_inner_pid_namespace());
  EXPECT_EQ(kernel.process_ids_used(), 7U);
}

TEST(Kernel, ReadsTheMemoryOfTcpAndTheCommitLimit) {
  FixtureTree tree;
  tree.file("/proc/sys/net/ipv4/tcp_mem", "287901\t383868\t575802\n")
      .file("/proc/net/sockstat", "sockets: used 9\nTCP: inuse 1 orphan 0 tw 0 alloc 3 mem 198\n")
      .file("/proc/meminfo", "CommitLimit:      100 kB\nCommitted_AS:      40 kB\n")
      .file("/proc/sys/vm/overcommit_memory", "0\n");
  const Kernel kernel(tree.root());
  EXPECT_EQ(kernel.tcp_pages()->value, 575'802U);
  EXPECT_EQ(kernel.tcp_pages_used(), 198U);
  EXPECT_FALSE(kernel.commit_limit()) << "overcommitted: no such limit";
  tree.file("/proc/sys/vm/overcommit_memory", "2\n");
  EXPECT_EQ(kernel.commit_limit()->value, 102'400U);
  EXPECT_EQ(kernel.committed(), 40'960U);
}

TEST(Cgroup, TheOwnGroupIsThatOfTheMountWithTheController) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/a/b\n").file("/proc/self/mountinfo", v2_mount);
  EXPECT_FALSE(own_cgroup(tree.root(), Controller::tasks)) << "version 2 without the controller";
  tree.file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
  EXPECT_EQ(own_cgroup(tree.root(), Controller::tasks), "/sys/fs/cgroup/a/b");
}

TEST(Cgroup, Version2TakesTheOwnGroupsLimit) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/a/b\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/a/b/pids.max", "500\n")
      .file("/sys/fs/cgroup/a/b/pids.current", "20\n")
      .file("/sys/fs/cgroup/a/pids.max", "max\n");
  const Kernel kernel(tree.root());
  EXPECT_EQ(kernel.cgroup_tasks()->value, 500U);
  EXPECT_EQ(kernel.cgroup_tasks()->source, "/sys/fs/cgroup/a/b/pids.max");
  EXPECT_EQ(kernel.cgroup_tasks_used(), 20U);
}

TEST(Cgroup, ATighterAncestorWins) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/a/b/c\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/a/b/c/pids.max", "500\n")
      .file("/sys/fs/cgroup/a/b/pids.max", "max\n")
      .file("/sys/fs/cgroup/a/pids.max", "100\n")
      .file("/sys/fs/cgroup/a/pids.current", "42\n");
  const Kernel kernel(tree.root());
  EXPECT_EQ(kernel.cgroup_tasks()->source, "/sys/fs/cgroup/a/pids.max");
  EXPECT_EQ(kernel.cgroup_tasks_used(), 42U);
}

TEST(Cgroup, AFullAncestorIsTighterThanASmallEmptyGroup) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/a/b\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/a/b/pids.max", "500\n")
      .file("/sys/fs/cgroup/a/b/pids.current", "1\n")
      .file("/sys/fs/cgroup/a/pids.max", "1000\n")
      .file("/sys/fs/cgroup/a/pids.current", "990\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->value, 1'000U);
}

TEST(Cgroup, MaxEverywhereIsUnlimited) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/a\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/a/pids.max", "max\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->value, unlimited);
}

TEST(Cgroup, TheTopOfAHierarchyHasNoFileAndNoLimit) {
  FixtureTree v2;
  v2.file("/proc/self/cgroup", "0::/\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory pids\n");
  EXPECT_EQ(Kernel(v2.root()).cgroup_tasks()->value, unlimited);
  FixtureTree v1;
  v1.file("/proc/self/cgroup", "8:pids:/\n").file("/proc/self/mountinfo", v1_pids);
  EXPECT_EQ(Kernel(v1.root()).cgroup_tasks()->value, unlimited);
}

TEST(Cgroup, Version1WalksEachControllersOwnPath) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "8:pids:/p\n4:cpu,memory:/m/n\n")
      .file("/proc/self/mountinfo", v1_pids + v1_memory)
      .file("/sys/fs/cgroup/pids/p/pids.max", "77\n")
      .file("/sys/fs/cgroup/memory/m/n/memory.limit_in_bytes", "9223372036854771712\n")
      .file("/sys/fs/cgroup/memory/m/memory.limit_in_bytes", "1048576\n")
      .file("/sys/fs/cgroup/memory/m/memory.usage_in_bytes", "5000\n")
      .file("/sys/fs/cgroup/memory/m/memory.stat",
            "cache 9\ninactive_file 7\ntotal_inactive_file 2000\n");
  const Kernel kernel(tree.root());
  EXPECT_EQ(kernel.cgroup_tasks()->value, 77U);
  EXPECT_EQ(kernel.cgroup_memory()->value, 1'048'576U);
  EXPECT_EQ(kernel.cgroup_memory_used(), 3'000U);
}

TEST(Cgroup, Version1sHugeMemoryLimitIsUnlimited) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "4:memory:/\n")
      .file("/proc/self/mountinfo", v1_memory)
      .file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_memory()->value, unlimited);
}

TEST(Cgroup, Version2MemoryLeavesOutThePageCacheThatIsGivenBack) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/a\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/a/memory.max", "4096000\n")
      .file("/sys/fs/cgroup/a/memory.current", "1000000\n")
      .file("/sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 400000\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_memory_used(), 600'000U);
}

TEST(Cgroup, AHybridWithoutControllersInVersion2UsesVersion1) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "8:pids:/x\n0::/\n")
      .file("/proc/self/mountinfo",
            mount("/", "/sys/fs/cgroup/unified", "cgroup2 cgroup2 rw") + v1_pids)
      .file("/sys/fs/cgroup/unified/cgroup.controllers", "\n")
      .file("/sys/fs/cgroup/pids/x/pids.max", "300\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->value, 300U);
  EXPECT_FALSE(Kernel(tree.root()).cgroup_memory());
}

TEST(Cgroup, TheMountsOwnTopIsTakenOffThePath) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "8:pids:/docker/abc/inner\n")
      .file("/proc/self/mountinfo",
            mount("/docker/abc", "/sys/fs/cgroup/pids", "cgroup cgroup rw,pids"))
      .file("/sys/fs/cgroup/pids/inner/pids.max", "max\n")
      .file("/sys/fs/cgroup/pids/pids.max", "64\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->source, "/sys/fs/cgroup/pids/pids.max");
}

TEST(Cgroup, ATopThatIsOnlyAPrefixOfTheNameIsNotAnAncestor) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "8:pids:/docker/abcdef\n")
      .file("/proc/self/mountinfo",
            mount("/docker/abc", "/sys/fs/cgroup/pids", "cgroup cgroup rw,pids"))
      .file("/sys/fs/cgroup/pids/def/pids.max", "1\n")
      .file("/sys/fs/cgroup/pids/pids.max", "64\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->value, 64U);
}

TEST(Cgroup, AGroupOutsideTheNamespaceFallsBackToTheMount) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/../../other\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/pids.max", "64\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->value, 64U);
}

TEST(Cgroup, AnEscapedMountPointIsReadAsItIs) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/\n")
      .file("/proc/self/mountinfo", mount("/", "/my\\040groups", "cgroup2 cgroup2 rw"))
      .file("/my groups/pids.max", "12\n");
  EXPECT_EQ(Kernel(tree.root()).cgroup_tasks()->source, "/my groups/pids.max");
}

TEST(Cgroup, GarbledFilesAreUnknownAndHarmless) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "\n::\n8:pids\n0::nonsense\n")
      .file("/proc/self/mountinfo", " - \n - cgroup2\n1 2 3\n" + v2_mount);
  EXPECT_FALSE(Kernel(tree.root()).cgroup_tasks());
}

TEST(Kernel, ReadsThisMachineWithoutThrowing) {
  const Kernel kernel;
  EXPECT_TRUE(kernel.sysctl("kernel.pid_max"));
  EXPECT_TRUE(kernel.memory_available());
  EXPECT_GT(kernel.threads_running().value_or(0), 0U);
  EXPECT_NO_THROW((void)kernel.cgroup_tasks());
  EXPECT_NO_THROW((void)kernel.cgroup_memory());
}

TEST(CpuQuota, IsThatOfTheTightestGroupOfEitherVersion) {
  FixtureTree v2;
  v2.file("/proc/self/cgroup", "0::/a/b\n")
      .file("/proc/self/mountinfo", v2_mount)
      .file("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n")
      .file("/sys/fs/cgroup/a/cpu.max", "50000 100000\n")
      .file("/sys/fs/cgroup/a/cpu.stat",
            "usage_usec 9\nnr_periods 40\nnr_throttled 7\nthrottled_usec 300000\n")
      .file("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  const auto quota = cpu_quota(0, v2.root());
  ASSERT_TRUE(quota);
  EXPECT_EQ(quota->processors, 0.5);
  EXPECT_EQ(quota->source, "/sys/fs/cgroup/a/cpu.max");
  EXPECT_EQ(quota->throttled, std::chrono::milliseconds{300});
  EXPECT_EQ(quota->times, 7U);
  EXPECT_EQ(Kernel{v2.root()}.cpu_quota()->value, 50U);

  FixtureTree v1;
  v1.file("/proc/8/cgroup", "1:cpu,cpuacct:/a\n")
      .file("/proc/self/mountinfo",
            mount("/", "/sys/fs/cgroup/cpu", "cgroup cgroup rw,cpu,cpuacct"))
      .file("/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "150000\n")
      .file("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n")
      .file("/sys/fs/cgroup/cpu/a/cpu.stat", "nr_throttled 2\nthrottled_time 5000\n")
      .file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  const auto other = cpu_quota(8, v1.root());
  ASSERT_TRUE(other);
  EXPECT_EQ(other->processors, 1.5);
  EXPECT_EQ(other->throttled.count(), 5'000);
}

TEST(CpuQuota, IsUnlimitedWithoutOneAndUnknownWithoutAController) {
  FixtureTree tree;
  tree.file("/proc/self/cgroup", "0::/\n").file("/proc/self/mountinfo", v2_mount);
  EXPECT_FALSE(cpu_quota(0, tree.root()));
  tree.file("/sys/fs/cgroup/cgroup.controllers", "cpu\n");
  EXPECT_EQ(Kernel{tree.root()}.cpu_quota()->value, unlimited);
}

}  // namespace
}  // namespace limits
