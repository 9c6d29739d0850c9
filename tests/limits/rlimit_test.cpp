// Capabilities as in /proc/PID/status, and the limits of this process.
#include "limits/rlimit.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

using fixtures::FixtureTree;
constexpr unsigned sys_resource = 24;
constexpr unsigned sys_admin = 21;

TEST(Capability, RootWithoutSysResourceDoesNotHoldIt) {
  const std::string status = "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001fffeffffff\nCapBnd:\t0\n";
  EXPECT_FALSE(has_effective_capability(status, sys_resource));
  EXPECT_TRUE(has_effective_capability(status, sys_admin));
}

TEST(Capability, OnlyTheEffectiveSetCounts) {
  const std::string status =
      "CapInh:\t000001ffffffffff\nCapPrm:\t000001ffffffffff\nCapEff:\t0000000000000000\n";
  EXPECT_FALSE(has_effective_capability(status, sys_resource));
  EXPECT_TRUE(has_effective_capability("CapEff:\t0000000001000000\n", sys_resource));
}

TEST(Capability, IsAbsentWhenTheTextDoesNotContainIt) {
  for (const std::string status :
       {"", "CapEff:\n", "CapEff:\tzz\n", "Uid:\t0\n", "CapEff:\t1g\n"}) {
    EXPECT_FALSE(has_effective_capability(status, 0)) << status;
  }
  EXPECT_FALSE(has_effective_capability("CapEff:\tffffffffffffffff\n", 64));
}

TEST(Rlimit, ReadsTheKernelsLimitAndNamesAnUnknownResource) {
  rlimit raw{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &raw), 0);
  EXPECT_EQ(read_rlimit(RLIMIT_NOFILE).soft, raw.rlim_cur);
  EXPECT_EQ(read_rlimit(RLIMIT_NOFILE).hard, raw.rlim_max);
  EXPECT_THROW(read_rlimit(9999), std::system_error);
}

/// Limits are per process: each case runs in a child whose exit code is the result.
template <typename Check>
int in_child(Check check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool set_open_files(rlim_t soft, rlim_t hard) {
  const rlimit wanted{soft, hard};
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

TEST(RaiseOpenFiles, RaisesTheSoftLimitToWhatWasWantedAndLeavesTheHardOne) {
  EXPECT_EQ(in_child([] {
              return set_open_files(64, 512) && raise_open_files(256) == 256 &&
                     read_rlimit(RLIMIT_NOFILE).soft == 256 &&
                     read_rlimit(RLIMIT_NOFILE).hard == 512;
            }),
            0);
}

TEST(RaiseOpenFiles, NeverLowers) {
  EXPECT_EQ(in_child([] { return set_open_files(256, 512) && raise_open_files(100) == 256; }), 0);
}

TEST(RaiseOpenFiles, GoesAsFarAsTheHardLimitAllows) {
  EXPECT_EQ(in_child([] {
              if (!set_open_files(64, 512)) return false;
              const std::uint64_t expected = may_raise_hard_limits() ? 1024 : 512;
              return raise_open_files(1024) == expected;
            }),
            0);
}

TEST(RaiseOpenFiles, TreatsUnlimitedAsTheLargestPossibleValue) {
  EXPECT_EQ(in_child([] {
              return set_open_files(64, 512) && raise_open_files(unlimited) >= 512 &&
                     read_rlimit(RLIMIT_NOFILE).soft >= 512;
            }),
            0);
}

std::string limits_file(const std::string& soft, const std::string& hard) {
  return "Limit                     Soft Limit           Hard Limit           Units     \n"
         "Max open files            " +
         soft + "                 " + hard + "                files     \n";
}

/// What is open in the table of the calling thread, of 0 to 99.
std::vector<int> open_descriptors() {
  std::vector<int> open;
  for (int fd = 0; fd < 100; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) open.push_back(fd);
  }
  return open;
}

TEST(LeaveDescriptorTable, KeepsTheStandardDescriptorsAndThoseToKeep) {
  const int first = ::dup(STDERR_FILENO);
  const int kept = ::dup(STDERR_FILENO);
  const int last = ::dup(STDERR_FILENO);
  const std::vector<int> before = open_descriptors();
  std::vector<int> within;
  std::vector<int> of_a_child_thread;
  std::thread{[&] {
    leave_descriptor_table({kept, STDOUT_FILENO});
    within = open_descriptors();
    const int own = ::dup(STDERR_FILENO);
    std::thread{[&] { of_a_child_thread = open_descriptors(); }}.join();
    ::close(own);
    ::close(STDERR_FILENO);  // here only
  }}.join();
  EXPECT_EQ(within, (std::vector<int>{0, 1, 2, kept}));
  EXPECT_EQ(of_a_child_thread.size(), 5U) << "it shares the table of the thread that started it";
  EXPECT_EQ(open_descriptors(), before);
  for (const int fd : {first, kept, last}) ::close(fd);
}

TEST(LeaveDescriptorTable, TheLimitHoldsForEachTable) {
  // In a child, whose limit can be lowered.
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit few{64, 64};
    ::setrlimit(RLIMIT_NOFILE, &few);
    const auto fill = [] {
      int opened = 0;
      while (::dup(STDERR_FILENO) >= 0) ++opened;
      return opened;
    };
    int here = fill();
    int there = 0;
    std::thread{[&] {
      leave_descriptor_table({});
      there = fill();
    }}.join();
    ::_exit(here <= 61 && there == 61 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(AncestorsOpenFiles, IsTheHighestHardLimitOnTheWayUp) {
  FixtureTree tree;
  tree.file("/proc/self/status", "PPid:\t30\nCapEff:\t0\n")
      .file("/proc/30/status", "PPid:\t20\nCapEff:\t0\n")
      .file("/proc/30/limits", limits_file("1024", "9000"))
      .file("/proc/20/status", "PPid:\t0\nCapEff:\t0\n")
      .file("/proc/20/limits", limits_file("1024", "20000"));
  EXPECT_EQ(ancestors_open_files(tree.root()), 20'000U);
}

TEST(AncestorsOpenFiles, LeavesOutASupervisorThatMayRaiseLimits) {
  FixtureTree tree;
  tree.file("/proc/self/status", "PPid:\t30\nCapEff:\t0\n")
      .file("/proc/30/status", "PPid:\t1\nCapEff:\t0\n")
      .file("/proc/30/limits", limits_file("1024", "9000"))
      .file("/proc/1/status", "PPid:\t0\nCapEff:\t000001ffffffffff\n")
      .file("/proc/1/limits", limits_file("1048576", "unlimited"));
  EXPECT_EQ(ancestors_open_files(tree.root()), 9'000U);
}

TEST(AncestorsOpenFiles, IsZeroWhereNothingCanBeRead) {
  EXPECT_EQ(ancestors_open_files(FixtureTree().root()), 0U);
}

}  // namespace
}  // namespace limits
