// Demand against ceilings: each limit alone is reached, in order, with a command that works.
#include "limits/preflight.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

using fixtures::client;
using fixtures::loops_in_tables;
using fixtures::roomy;
using fixtures::row;
using fixtures::threads;

TEST(Preflight, ARoomyMachineRefusesNothing) {
  const auto verdicts = preflight({threads(10'000), client(10'000)}, roomy(), 4096);
  EXPECT_EQ(first_refusal(verdicts), nullptr);
  for (const Verdict& verdict : verdicts) {
    EXPECT_EQ(verdict.status, Status::ok) << verdict.name;
    EXPECT_EQ(verdict.lift, "") << verdict.name;
  }
}

// Bug: for a server with select(2) the preflight reported room for as many connections as
// `ulimit -n` allows.
TEST(Preflight, WhatSelectCannotNameIsRefusedWithNothingToLiftIt) {
  Demand demand{10'000, event_traits(16, 0)};
  demand.traits.descriptors_below = 1'024;
  const auto verdicts = preflight({demand, client(10'000)}, roomy(), 4096);
  const Verdict& verdict = row(verdicts, "descriptor numbers");
  EXPECT_EQ(verdict.need, 10'016U);
  EXPECT_EQ(verdict.have, 1'024U);
  EXPECT_EQ(verdict.bites_at, 1'009U);
  EXPECT_EQ(verdict.lift, "");
  EXPECT_EQ(first_refusal(verdicts), &verdicts.front());
  EXPECT_NE(refusal_line(verdict).find("at most 1,008 connections"), std::string::npos);
}

struct Cause {
  std::string name;
  std::function<void(Ceilings&)> tighten;
  std::uint64_t need, have, bites_at;
  std::string lift;
};

TEST(Preflight, EachCauseAloneBitesAndNamesItsCommand) {
  const std::vector<Cause> table{
      {"open files", [](Ceilings& c) { c.open_files.hard = 9'000; }, 10'016, 9'000, 8'985,
       "ulimit -n 10016 in a new shell"},
      {"open files, highest", [](Ceilings& c) { c.nr_open->value = 9'000; }, 10'016, 9'000, 8'985,
       "sysctl -w fs.nr_open=10016"},
      {"open files, machine",
       [](Ceilings& c) {
         c.file_max->value = 10'000;
         c.files_open = 500;
       },
       20'032, 9'500, 4'735, "sysctl -w fs.file-max=22000"},
      {"user processes",
       [](Ceilings& c) {
         c.processes = {5'000, 50'000};
         c.processes_used = 90;
       },
       10'004, 4'910, 4'907, "ulimit -Su 10094"},
      {"process ids",
       [](Ceilings& c) {
         c.pid_max->value = 8'192;
         c.threads_running = 92;
       },
       10'004, 7'800, 7'797, "sysctl -w kernel.pid_max=12000"},
      {"threads, machine",
       [](Ceilings& c) {
         c.threads_max->value = 8'000;
         c.threads_running = 100;
       },
       10'004, 7'900, 7'897, "sysctl -w kernel.threads-max=11000"},
      {"cgroup tasks",
       [](Ceilings& c) {
         c.cgroup_tasks->value = 4'915;
         c.cgroup_tasks_used = 15;
       },
       10'004, 4'900, 4'897, "echo 11000 > /sys/fs/cgroup/pids.max"},
      {"memory maps", [](Ceilings& c) { c.max_map_count->value = 10'000; }, 20'100, 10'000, 4'951,
       "sysctl -w vm.max_map_count=20100"},
      {"epoll watches, user", [](Ceilings& c) { c.epoll_watches->value = 9'000; }, 10'000, 9'000,
       9'001, "sysctl -w fs.epoll.max_user_watches=11000"},
  };
  for (const Cause& cause : table) {
    Ceilings ceilings = roomy();
    cause.tighten(ceilings);
    const auto verdicts = preflight({threads(10'000), client(10'000)}, ceilings, 4096);
    const Verdict& verdict = row(verdicts, cause.name);
    EXPECT_EQ(verdict.status, Status::short_) << cause.name;
    EXPECT_EQ(verdict.need, cause.need) << cause.name;
    EXPECT_EQ(verdict.have, cause.have) << cause.name;
    EXPECT_EQ(verdict.bites_at, cause.bites_at) << cause.name;
    EXPECT_EQ(verdict.lift, cause.lift) << cause.name;
    EXPECT_EQ(first_refusal(verdicts), &verdict) << cause.name;
    EXPECT_EQ(&verdicts.front(), &verdict) << cause.name;
    for (const Verdict& other : verdicts) {
      EXPECT_TRUE(&other == &verdict || other.status == Status::ok) << cause.name << other.name;
    }
  }
}

TEST(Preflight, EachLimitInBytesBitesToo) {
  for (const std::string name : {"address space", "data segment", "memory", "cgroup memory"}) {
    Ceilings ceilings = roomy();
    constexpr std::uint64_t small = 400'000'000;
    if (name == "address space") ceilings.address_space = {small, unlimited};
    if (name == "data segment") ceilings.data = {small, unlimited};
    if (name == "memory") ceilings.memory->value = small;
    if (name == "cgroup memory") ceilings.cgroup_memory->value = small;
    const auto verdicts = preflight({threads(10'000), client(10'000)}, ceilings, 4096);
    const Verdict& verdict = row(verdicts, name);
    EXPECT_EQ(first_refusal(verdicts), &verdict) << name;
    EXPECT_TRUE(verdict.bytes) << name;
    EXPECT_EQ(verdict.lift.empty(), name == "memory") << verdict.lift;
  }
}

TEST(Preflight, BitesAtIsTheSmallestNumberThatIsRefused) {
  Ceilings ceilings = roomy();
  ceilings.open_files.hard = 9'000;
  ceilings.memory->value = 1'000'000'000;
  for (const Verdict& verdict : preflight({threads(10), client(10)}, ceilings, 4096)) {
    if (!verdict.bites_at) continue;
    const std::uint64_t n = *verdict.bites_at;
    const auto at = preflight({threads(n), client(n)}, ceilings, 4096);
    const auto below = preflight({threads(n - 1), client(n - 1)}, ceilings, 4096);
    EXPECT_EQ(row(at, verdict.name).status, Status::short_) << verdict.name;
    EXPECT_NE(row(below, verdict.name).status, Status::short_) << verdict.name;
  }
}

TEST(Preflight, SortsByWhichBitesFirstAndTheUnknownLast) {
  Ceilings ceilings = roomy();
  ceilings.max_map_count->value = 65'530;
  ceilings.pid_max->value = 32'768;
  ceilings.open_files.hard = 20'000;
  ceilings.file_max.reset();
  const auto verdicts = preflight({threads(10), client(10)}, ceilings, 4096);
  EXPECT_EQ(verdicts[0].name, "open files");
  EXPECT_EQ(verdicts[1].name, "process ids");
  EXPECT_EQ(verdicts[2].name, "memory maps");
  EXPECT_EQ(verdicts.back().name, "open files, machine");
  EXPECT_EQ(verdicts.back().status, Status::unknown);
  EXPECT_FALSE(verdicts.back().have);
  EXPECT_FALSE(verdicts.back().bites_at);
}

TEST(Preflight, BothEndsCountDoubleForTheMachineAndOnceForAProcess) {
  const auto both = preflight({threads(10'000), client(10'000)}, roomy(), 4096);
  const auto alone = preflight({threads(10'000)}, roomy(), 4096);
  EXPECT_EQ(row(both, "open files, machine").need, 20'032U);
  EXPECT_EQ(row(alone, "open files, machine").need, 10'016U);
  EXPECT_EQ(row(both, "open files").need, row(alone, "open files").need);
  EXPECT_GT(row(both, "memory").need, row(alone, "memory").need);
}

TEST(Preflight, ASoftLimitThatIsShortIsNoRefusalBecauseItIsRaised) {
  Ceilings ceilings = roomy();
  ceilings.open_files = {16, 20'000};
  EXPECT_EQ(first_refusal(preflight({client(10'000)}, ceilings, 0)), nullptr);
}

TEST(Preflight, WithTheCapabilityTheCeilingIsNrOpen) {
  Ceilings ceilings = roomy();
  ceilings.can_raise_hard = true;
  ceilings.open_files.hard = 9'000;
  EXPECT_EQ(first_refusal(preflight({client(10'000)}, ceilings, 0)), nullptr);
  ceilings.nr_open->value = 9'500;
  const auto verdicts = preflight({client(10'000)}, ceilings, 0);
  ASSERT_NE(first_refusal(verdicts), nullptr);
  EXPECT_EQ(first_refusal(verdicts)->source, "/proc/sys/fs/nr_open");
}

TEST(Preflight, TheLimitOfOpenFilesBoundsATableNotTheProgram) {
  Ceilings ceilings = roomy();
  ceilings.open_files.hard = 1'024;
  const Demand two_ends{10'000, client_traits(), true, 1'000'000};
  const auto verdicts = preflight({loops_in_tables(10'000, 1'000), two_ends}, ceilings, 4096);
  EXPECT_EQ(first_refusal(verdicts), nullptr);
  const Verdict& open_files = row(verdicts, "open files");
  EXPECT_EQ(open_files.source, "RLIMIT_NOFILE, hard (each of 12 and 10 descriptor tables)");
  EXPECT_EQ(open_files.need, 1'016U);
  EXPECT_EQ(row(verdicts, "open files, machine").need, 20'000U + 22 * 16);
  // The hash of 1,000 tables: n + 4 sqrt(n) + 16 connections fit into each up to n = 888.
  EXPECT_EQ(open_files.bites_at, 888'001U);
}

TEST(Preflight, NrOpenBoundsATableToo) {
  Ceilings ceilings = roomy();
  ceilings.nr_open->value = 2'000;
  const auto verdicts = preflight({loops_in_tables(10'000, 1'000)}, ceilings, 4096);
  EXPECT_EQ(first_refusal(verdicts), nullptr);
  EXPECT_EQ(row(verdicts, "open files, highest").status, Status::ok);
  const auto one = preflight({loops_in_tables(10'000, 1)}, ceilings, 4096);
  EXPECT_EQ(first_refusal(one)->name, "open files, highest");
}

TEST(Preflight, AnExemptProcessIsNotRefused) {
  Ceilings ceilings = roomy();
  ceilings.processes = {100, 100};
  ceilings.exempt_from_processes = true;
  ceilings.file_max->value = 100;
  ceilings.exempt_from_file_max = true;
  const auto verdicts = preflight({threads(10'000)}, ceilings, 4096);
  EXPECT_EQ(first_refusal(verdicts), nullptr);
  EXPECT_EQ(row(verdicts, "user processes").status, Status::ok);
  EXPECT_EQ(row(verdicts, "open files, machine").status, Status::warn) << "all others reach it";
}

TEST(Preflight, MemoryWarnsBeyondNineTenths) {
  const std::uint64_t need = row(preflight({threads(10'000)}, roomy(), 4096), "memory").need;
  const std::vector<std::pair<std::uint64_t, Status>> table{{need - 1, Status::short_},
                                                            {need, Status::warn},
                                                            {need + need / 20, Status::warn},
                                                            {need + need / 8, Status::ok}};
  for (const auto& [have, status] : table) {
    Ceilings ceilings = roomy();
    ceilings.memory->value = have;
    EXPECT_EQ(row(preflight({threads(10'000)}, ceilings, 4096), "memory").status, status) << have;
  }
}

TEST(Preflight, SaturatesAtHugeNumbersInsteadOfCallingThemEnough) {
  for (const std::uint64_t n : {std::uint64_t{1'000'000'000'000}, unlimited}) {
    const auto verdicts = preflight({threads(n), client(n)}, roomy(), 4096);
    ASSERT_NE(first_refusal(verdicts), nullptr);
    EXPECT_EQ(row(verdicts, "memory").status, Status::short_) << n;
  }
  EXPECT_EQ(threads(unlimited).memory_bytes(), unlimited);
  EXPECT_EQ(threads(unlimited).virtual_bytes(), unlimited);
  EXPECT_EQ(threads(unlimited).maps(), unlimited);
  EXPECT_EQ(threads(1'000'000'000'000).descriptors(), 1'000'000'000'016U);
}

TEST(Ceilings, OfThisMachineAreRead) {
  const Ceilings ceilings = read_ceilings(Kernel{});
  EXPECT_GT(ceilings.open_files.hard, 0U);
  EXPECT_TRUE(ceilings.pid_max);
  EXPECT_TRUE(ceilings.memory);
}

}  // namespace
}  // namespace limits
