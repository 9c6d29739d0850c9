// Why a thread was refused: each cause alone is named, although EAGAIN is the same for all.
#include "limits/groups/task_shortage.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/limits/fixture_tree.hpp"
#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

using fixtures::ceiling;
using fixtures::roomy;

/// A thread with a stack of 64 KiB, in a process of 100 MB with 1,000 maps.
RefusedTask thread_of_a_process() {
  return {.stack_bytes = 65'536 + 4'096,
          .guard_bytes = 4'096,
          .maps = 1'000,
          .address_bytes = 100'000'000,
          .data_bytes = 50'000'000};
}

struct Shortage {
  std::string line;
  std::function<void(Ceilings&)> reach, leave_room;
};

TEST(TaskShortage, IsNamedByEachCauseAlone) {
  const std::vector<Shortage> table{
      {"user processes: need 1, have 0 (RLIMIT_NPROC, soft): ulimit -Su 101",
       [](Ceilings& c) {
         c.processes = {100, 200};
         c.processes_used = 100;
       },
       [](Ceilings& c) { c.processes_used = 99; }},
      {"process ids: need 1, have 0 (/proc/sys/kernel/pid_max)",
       [](Ceilings& c) {
         c.pid_max->value = 1'000;
         c.threads_running = 700;
       },
       [](Ceilings& c) { c.threads_running = 699; }},
      {"threads, machine: need 1, have 0 (/proc/sys/kernel/threads-max)",
       [](Ceilings& c) { c.threads_max->value = c.threads_running = 700; },
       [](Ceilings& c) { c.threads_running = 699; }},
      {"cgroup tasks: need 1, have 0 (/sys/fs/cgroup/pids.max)",
       [](Ceilings& c) { c.cgroup_tasks->value = c.cgroup_tasks_used = 64; },
       [](Ceilings& c) { c.cgroup_tasks_used = 63; }},
      {"memory maps: need 1002, have 1001 (/proc/sys/vm/max_map_count)",
       [](Ceilings& c) { c.max_map_count->value = 1'001; },
       [](Ceilings& c) { c.max_map_count->value = 1'002; }},
      {"address space: need 95.4 MiB, have 95.4 MiB (RLIMIT_AS, soft)",
       [](Ceilings& c) {
         c.address_space = {100'069'631, unlimited};
       },
       [](Ceilings& c) { c.address_space.soft = 100'069'632; }},
      {"data segment: need 47.7 MiB, have 47.7 MiB (RLIMIT_DATA, soft)",
       [](Ceilings& c) {
         c.data = {50'065'535, unlimited};
       },
       [](Ceilings& c) { c.data.soft = 50'065'536; }},
      {"cgroup memory: need 22.8 KiB, have 22.8 KiB (/sys/fs/cgroup/memory.max)",
       [](Ceilings& c) { c.cgroup_memory->value = 23'383; },
       [](Ceilings& c) { c.cgroup_memory->value = 23'384; }},
      {"committed memory: need 64 KiB, have 64 KiB (/proc/meminfo CommitLimit)",
       [](Ceilings& c) {
         c.commit_limit = ceiling(1'065'535, "/proc/meminfo CommitLimit");
         c.committed = 1'000'000;
       },
       [](Ceilings& c) { c.committed -= 1; }}};
  for (const Shortage& cause : table) {
    Ceilings ceilings = roomy();
    cause.reach(ceilings);
    const std::string line = task_shortage(ceilings, thread_of_a_process());
    EXPECT_EQ(line.find(cause.line), 0U) << line;
    cause.leave_room(ceilings);
    EXPECT_EQ(task_shortage(ceilings, thread_of_a_process()).find("one of these is reached"), 0U)
        << cause.line;
  }
}

TEST(TaskShortage, OfAProcessIsNotThatOfTheParentsAddressSpace) {
  Ceilings ceilings = roomy();
  ceilings.address_space = {1'000, 1'000};
  ceilings.max_map_count->value = 10;
  EXPECT_EQ(task_shortage(ceilings).find("one of these is reached"), 0U);
}

TEST(TaskShortage, NamesAllThatMayBeTheCauseWhereNoneIsSeen) {
  const std::string line = task_shortage(roomy(), thread_of_a_process());
  for (const char* each : {"RLIMIT_NPROC", "pid_max", "threads-max", "pids.max", "max_map_count",
                           "RLIMIT_AS", "RLIMIT_DATA", "memory"}) {
    EXPECT_NE(line.find(each), std::string::npos) << each;
  }
}

TEST(RefusedThread, IsReadFromItsProcess) {
  fixtures::FixtureTree tree;
  tree.file("/proc/self/maps", "7f00-7f01 r--p\n7f01-7f02 rw-p\n7f02-7f03 ---p\n")
      .file("/proc/self/status", "VmSize:\t  100 kB\nVmData:\t  40 kB\n");
  const RefusedTask task = refused_thread(65'536, 4'096, tree.root());
  EXPECT_EQ(task.stack_bytes, 69'632U);
  EXPECT_EQ(task.maps, 3U);
  EXPECT_EQ(task.address_bytes, 102'400U);
  EXPECT_EQ(task.data_bytes, 40'960U);
}

}  // namespace
}  // namespace limits
