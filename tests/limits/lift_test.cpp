// The suggested commands, and the line of a refusal.
#include "limits/lift.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

using fixtures::client;
using fixtures::roomy;
using fixtures::row;
using fixtures::threads;

TEST(Lift, TheCommandPastAHardLimitDependsOnTheCaller) {
  Ceilings ceilings = roomy();
  ceilings.open_files.hard = 9'000;
  ceilings.ancestors_open_files = 9'500;  // so a new shell is not enough
  const auto lift = [&] {
    return row(preflight({client(10'000)}, ceilings, 0), "open files").lift;
  };
  EXPECT_EQ(lift(),
            "ulimit -n 10016 before this container or login shell starts (docker run --ulimit "
            "nofile=10016)");
  ceilings.root = false;
  EXPECT_EQ(lift(), "sudo prlimit --pid $$ --nofile=10016 && ulimit -n 10016");
  ceilings.ancestors_open_files = 20'000;
  EXPECT_EQ(lift(), "ulimit -n 10016 in a new shell");
}

TEST(Lift, CommandsForAUserUseSudo) {
  Ceilings ceilings = roomy();
  ceilings.root = false;
  ceilings.max_map_count->value = 1'000;
  ceilings.cgroup_tasks->value = 1'000;
  const auto verdicts = preflight({threads(10'000)}, ceilings, 4096);
  EXPECT_EQ(row(verdicts, "memory maps").lift, "sudo sysctl -w vm.max_map_count=20100");
  EXPECT_EQ(row(verdicts, "cgroup tasks").lift, "echo 11000 | sudo tee /sys/fs/cgroup/pids.max");
}

TEST(Lift, NoCommandIsOfferedThatTheKernelWouldRefuse) {
  Ceilings ceilings = roomy();
  ceilings.pid_max->value = 32'768;
  EXPECT_EQ(row(preflight({threads(3'000'000)}, ceilings, 4096), "process ids").lift,
            "sysctl -w kernel.pid_max=3188000");
  EXPECT_EQ(row(preflight({threads(4'190'000)}, ceilings, 4096), "process ids").lift,
            "sysctl -w kernel.pid_max=4194304");
  EXPECT_EQ(row(preflight({threads(5'000'000)}, ceilings, 4096), "process ids").lift, "");
}

TEST(Refusal, IsOneLineWithTheCommand) {
  Ceilings ceilings = roomy();
  ceilings.open_files.hard = 9'000;
  const auto verdicts = preflight({client(10'000)}, ceilings, 0);
  EXPECT_EQ(
      refusal_line(*first_refusal(verdicts)),
      "open files: need 10016, have 9000 (RLIMIT_NOFILE, hard): ulimit -n 10016 in a new shell");
}

TEST(Refusal, ThatNothingLiftsStatesHowManyFit) {
  Ceilings ceilings = roomy();
  ceilings.memory->value = 43'060'000;
  const auto verdicts = preflight({client(100'000)}, ceilings, 0);
  EXPECT_EQ(
      refusal_line(*first_refusal(verdicts)),
      "memory: need 394 MiB, have 41.1 MiB (/proc/meminfo MemAvailable): nothing lifts it; at "
      "most 10,341 connections fit");
}

}  // namespace
}  // namespace limits
