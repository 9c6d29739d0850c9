// CPU time, on fixture trees and on this process.
#include "limits/cpu.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/limits/fixture_tree.hpp"

namespace limits {
namespace {

using fixtures::FixtureTree;

TEST(CpuTime, OfThisProcessGrowsAndOfNobodyIsUnknown) {
  const auto before = cpu_time(::getpid());
  ASSERT_TRUE(before);
  while (cpu_time(::getpid()) == before) {
  }
  EXPECT_GT(*cpu_time(::getpid()), *before);
  EXPECT_FALSE(cpu_time(std::vector<pid_t>{}));
}

TEST(CpuTime, LeavesOutProcessesThatAreGone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(cpu_time(child));
  EXPECT_TRUE(cpu_time(std::vector<pid_t>{child, ::getpid()}));
}

TEST(SoftirqThreads, AreFoundByName) {
  FixtureTree tree;
  tree.file("/proc/14/comm", "ksoftirqd/0\n")
      .file("/proc/15/comm", "ksoftirqdx\n")
      .file("/proc/self/comm", "ksoftirqd/9\n")
      .file("/proc/12a/comm", "ksoftirqd/8\n");
  EXPECT_EQ(softirq_threads(tree.root()), std::vector<pid_t>{14});
  EXPECT_TRUE(softirq_threads(FixtureTree().root()).empty());
}

TEST(Busy, LeavesOutIdleAndKeepsStealApart) {
  FixtureTree tree;
  tree.file("/proc/stat",
            "cpu  1 2 3 1000 1000 4 5 6 7 8\ncpu0 9 9 9 9 9 9 9 9 9 9\ncpu11 9 9\n"
            "intr 5 0\nctxt 4321\n");
  const auto busy = read_busy(tree.root());
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->busy, 15 * tick());
  EXPECT_EQ(busy->steal, 6 * tick());
  EXPECT_EQ(busy->switches, 4321U);
  EXPECT_EQ(busy->processors, 2U);
  EXPECT_FALSE(read_busy(FixtureTree().file("/proc/stat", "cpu  1 2\n").root()));
}

TEST(Load, CountsTheRunnableTasks) {
  const auto load =
      read_load(FixtureTree().file("/proc/loadavg", "10.64 4.45 2.61 4/220 16907\n").root());
  ASSERT_TRUE(load);
  EXPECT_EQ(load->runnable, 4U);
  EXPECT_DOUBLE_EQ(load->one_minute, 10.64);
  EXPECT_FALSE(read_load(FixtureTree().root()));
  EXPECT_FALSE(read_load(FixtureTree().file("/proc/loadavg", "busy\n").root()));
}

TEST(ThreadTimes, AreThoseOfAllProcessesByTid) {
  FixtureTree tree;
  tree.file("/proc/9/task/10/schedstat", "2000 30 4\n")
      .file("/proc/9/task/9/schedstat", "1000 20 3\n")
      .file("/proc/7/task/7/schedstat", "5 6 7\n")
      .file("/proc/7/task/8/comm", "ended meanwhile");
  const auto times = thread_times({9, 7, 99}, most_threads, tree.root());
  ASSERT_TRUE(times);
  ASSERT_EQ(times->size(), 3U);
  EXPECT_EQ(times->at(0).tid, 7);
  EXPECT_EQ(times->at(1).tid, 9);
  EXPECT_EQ(times->at(2).tid, 10);
  EXPECT_EQ(times->at(2).cpu.count(), 2000);
  EXPECT_EQ(times->at(2).waited.count(), 30);
  EXPECT_EQ(times->at(2).switches, 4U);
}

TEST(ThreadTimes, OfTooManyThreadsOrOfNoneAreUnknown) {
  FixtureTree tree;
  for (const char* tid : {"7", "8", "9"}) {
    tree.file(std::string("/proc/7/task/") + tid + "/schedstat", "1 2 3\n");
  }
  EXPECT_TRUE(thread_times({7}, 3, tree.root()));
  EXPECT_FALSE(thread_times({7}, 2, tree.root()));
  EXPECT_FALSE(thread_times({99}, 3, tree.root()));
  EXPECT_FALSE(thread_times({}, 3, tree.root()));
}

TEST(ThreadTimes, OfThisThreadGrow) {
  const auto before = thread_times({::getpid()});
  ASSERT_TRUE(before);
  const auto of_this = [](const std::vector<ThreadTime>& times) {
    for (const ThreadTime& time : times) {
      if (time.tid == ::getpid()) return time.cpu;
    }
    return std::chrono::nanoseconds{-1};
  };
  while (of_this(*thread_times({::getpid()})) == of_this(*before)) {
  }
  EXPECT_GT(of_this(*thread_times({::getpid()})), of_this(*before));
}

TEST(ChildrenCpuTime, IsWhatWasWaitedFor) {
  FixtureTree tree;
  tree.file("/proc/7/stat",
            "7 (a ) name) S 1 7 7 0 -1 4194304 100 200 0 0 11 12 13 14 20 0 1 0 5\n")
      .file("/proc/8/stat", "8 (b) S 1 7 7 0 -1 4194304 100 200 0 0 11 12 2 1 20 0 1 0 5\n");
  EXPECT_EQ(children_cpu_time({7, 8, 99}, tree.root()), 30 * tick());
}

}  // namespace
}  // namespace limits
