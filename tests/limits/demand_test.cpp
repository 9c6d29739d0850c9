// What N connections need, by the traits of their model.
#include "limits/demand.hpp"

#include <gtest/gtest.h>

#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

using fixtures::client;
using fixtures::loops_in_tables;
using fixtures::threads;

TEST(Demand, FractionsRoundUpAndForkedChildrenHoldTheirOwnFiles) {
  Demand demand{10'000, {}};
  demand.traits.threads_per_connection = 0.0015;
  EXPECT_EQ(demand.threads(), 17U);
  demand.traits.threads_per_connection = 0;
  demand.traits.processes_per_connection = 1;
  demand.traits.descriptors_per_connection = 0;
  EXPECT_EQ(demand.threads(), 10'002U);
  EXPECT_EQ(demand.descriptors(), 16U);
  EXPECT_EQ(demand.files(), 10'016U);
}

// Bug: of a forked connection the parent's pidfd was counted, and the child's socket was not; what
// waits in the accept queue of a pool was counted as an open file.
TEST(Demand, OpenFilesAreThoseOfAllProcessesAndNotOfTheAcceptQueue) {
  EXPECT_EQ((Demand{10'000, process_traits()}.files()), 20'016U);
  Traits pool;
  pool.descriptors_per_connection = 0;
  pool.fixed_files = 24;
  EXPECT_EQ((Demand{10'000, pool}.files()), 40U);
}

// Bug: the guards of stacks, which nothing can write, were counted against RLIMIT_DATA.
TEST(Demand, TheDataSegmentIsTheAddressSpaceWithoutGuards) {
  const Demand demand = threads(1'000);
  EXPECT_EQ(demand.virtual_bytes() - demand.data_bytes(), 4'096'000U);
  EXPECT_EQ(threads(unlimited).data_bytes(), unlimited);
}

TEST(Demand, AThreadCostsWhatWasMeasuredWithBothEnds) {
  const double bytes =
      static_cast<double>(threads(1'000).memory_bytes() + client(1'000).memory_bytes());
  EXPECT_NEAR(bytes / 1'000, 73'000, 1'000);  // docs/kernel-costs.md: ~73 KB without tuning
}

TEST(Demand, AStackWithoutAGuardIsOneMapAndALargeOneTakesAPageTable) {
  EXPECT_EQ(thread_traits(65'536, 0).maps_per_connection, 1);
  EXPECT_EQ(thread_traits(65'536, 4'096).maps_per_connection, 2);
  EXPECT_EQ(thread_traits(2U << 20U, 0).kernel_bytes,
            thread_traits(65'536, 0).kernel_bytes - 128 + 4'096);
}

TEST(Demand, IsDividedAmongAsFewTablesAsSuffice) {
  const Demand demand = loops_in_tables(10'000, 1'000);
  EXPECT_EQ(demand.divided(10'016).tables, 1U);
  EXPECT_EQ(demand.divided(10'015).tables, 2U);
  EXPECT_EQ(demand.divided(1'024).tables, 12U);
  // 10,000 / 12, rounded up, and four times its root: of 30,000 tables one has more.
  EXPECT_EQ(demand.divided(1'024).descriptors(), 16U + 834 + 116);
  EXPECT_GT(
      [&] {
        Demand fewer = demand;
        fewer.tables = 11;
        return fewer.descriptors();
      }(),
      1'024U);
  EXPECT_EQ(demand.divided(1'024).files(), 12U * 16 + 10'000);
  EXPECT_EQ(demand.divided(1'024).threads(), demand.threads() + 11);
}

TEST(Demand, WhatTheClientDividesItselfNeedsNoRoomForChance) {
  const Demand demand{1'000'000, client_traits()};
  EXPECT_EQ(demand.divided(20'000).tables, 51U);
  EXPECT_EQ(demand.divided(20'000).descriptors(), 16U + 19'608);
}

TEST(Demand, LoopsThatTablesDivideHoldLessForAConnection) {
  Demand demand{1'000, event_traits(10, 0)};
  demand.traits.loop_bytes = 16;
  demand.traits.loops = 3;
  EXPECT_EQ(demand.connection_bytes(), 10U + 3 * 16);
  demand.tables = 2;
  EXPECT_EQ(demand.connection_bytes(), 10U + 2 * 16);
  demand.tables = 50;
  EXPECT_EQ(demand.connection_bytes(), 10U + 16);
}

TEST(Demand, LoopsWithAThreadEachAreAtLeastOneInEachTable) {
  Demand demand{1'000, event_traits(10, 0)};
  demand.traits.fixed_threads = 3;
  demand.traits.threads_per_loop = 1;
  EXPECT_EQ(demand.threads(), 3U);
  demand.tables = 12;
  EXPECT_EQ(demand.threads(), 3U + 11 + 11)
      << "the threads of the tables, and those of their loops";
  demand.traits.loops = 24;
  EXPECT_EQ(demand.threads(), 3U + 11);
}

TEST(Demand, UsesTheTablesThatWereAskedForAndNoMoreThanAllowed) {
  Demand demand = loops_in_tables(10'000, 3);
  EXPECT_EQ(demand.divided(1'024).tables, 3U);
  EXPECT_GT(demand.divided(1'024).descriptors(), 1'024U);
  demand.traits.least_tables = 3;
  EXPECT_EQ(demand.divided(unlimited).tables, 3U);
  EXPECT_EQ(loops_in_tables(2, 1'000).divided(17).tables, 2U) << "one connection in each";
}

}  // namespace
}  // namespace limits
