// The memory of N connections by kind, with the sizes of objects measured on Linux 6.18.
#include "limits/forecast/forecast.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "limits/rlimit.hpp"
#include "tests/limits/fixture_tree.hpp"
#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

constexpr std::uint64_t fragment = 32'768;

Demand loop(std::uint64_t n) {
  return {n, event_traits(700, 1'024)};
}

Forecast of(const std::vector<Demand>& demands) {
  return forecast_of(demands, SlabObjects::measured(), fragment);
}

double objects_of(const EndForecast& end, std::string_view cache) {
  const auto found = std::find_if(end.slab.begin(), end.slab.end(),
                                  [&](const SlabUse& use) { return use.cache == cache; });
  return found == end.slab.end() ? 0 : found->per_connection;
}

TEST(Forecast, OfALoopIsItsStateAndTwoSockets) {
  const Forecast both = of({loop(10'000), fixtures::client(10'000)});
  EXPECT_EQ(both.connections, 10'000U);
  ASSERT_EQ(both.ends.size(), 2U);
  EXPECT_EQ(both.ends[0].end, "server");
  EXPECT_EQ(both.ends[1].end, "client");
  const MemoryKinds& server = both.ends[0].per_connection;
  EXPECT_EQ(server.resident, 1'724);
  EXPECT_NEAR(server.page_tables, 3.4, 0.1) << "8 bytes for each page";
  EXPECT_EQ(server.kernel_stack, 0);
  EXPECT_EQ(server.send_fragment.most, 0) << "of the loop's thread, not of a connection";
  EXPECT_NEAR(server.slab, 4'037, 1);
  EXPECT_NEAR(both.per_connection.slab, 2 * 4'037, 2);
  EXPECT_EQ(both.in_all.send_fragment.least, 0);
  EXPECT_EQ(both.in_all.send_fragment.most, 4 * fragment) << "two threads at each end";
  EXPECT_EQ(both.in_all.kernel_stack, 4 * 16'384);
  EXPECT_EQ(both.in_all.all().most - both.in_all.all().least, 4 * fragment);
}

TEST(Forecast, OfAThreadHasAStackATaskAndAFragment) {
  const Forecast server = of({fixtures::threads(1'000)});
  const EndForecast& end = server.ends.front();
  EXPECT_EQ(end.threads, 1'002U);
  EXPECT_EQ(end.per_connection.resident, 8'912);
  EXPECT_EQ(end.per_connection.kernel_stack, 16'384);
  EXPECT_EQ(end.per_connection.send_fragment.least, 0);
  EXPECT_EQ(end.per_connection.send_fragment.most, fragment);
  EXPECT_EQ(objects_of(end, "task_struct"), 1);
  EXPECT_EQ(objects_of(end, "vm_area_struct"), 2);
  EXPECT_EQ(objects_of(end, "eventpoll_epi"), 0) << "a blocked thread waits for no epoll";
  EXPECT_GT(server.in_all.slab, 1'000 * end.per_connection.slab) << "and two more tasks";
}

TEST(Forecast, OfARingHasAnArmedRequestAndNoEpollEntry) {
  const EndForecast end = of({{10, ring_traits(32)}}).ends.front();
  EXPECT_EQ(objects_of(end, "io_kiocb"), 1);
  EXPECT_EQ(objects_of(end, "eventpoll_pwq"), 0);
}

TEST(Forecast, OfBuffersOfARingIsThatOfEachDescriptorTable) {
  Demand ring{10, ring_traits(32)};
  ring.traits.table_bytes = 4U << 20U;
  ring.tables = 3;
  EXPECT_EQ(of({ring}).in_all.resident, (12U << 20U) + 320);
  EXPECT_EQ(of({ring}).per_connection.resident, 32);
  EXPECT_GE(ring.memory_bytes(), 12U << 20U) << "the row of the preflight has them too";
}

TEST(Forecast, OfPageTablesGrowsWithTheStackUpToAPageOfThemForEach) {
  const auto tables = [](std::uint64_t stack, std::uint64_t guard) {
    return of({{1'000, thread_traits(stack, guard)}}).per_connection.page_tables;
  };
  EXPECT_NEAR(tables(64U << 10U, 4'096), 136, 1);
  EXPECT_NEAR(tables(1U << 20U, 0), 2'048 + 4, 1);
  EXPECT_NEAR(tables(2U << 20U, 0), 4'096 + 8, 1);
  EXPECT_NEAR(tables(8U << 20U, 0), 4'096 + 32, 1) << "and an entry a level higher for each 2 MiB";
}

TEST(Forecast, LeavesOutACacheThatTheKernelLacks) {
  fixtures::FixtureTree tree;
  tree.file("/proc/slabinfo", "TCP 1 2 2368 13 8 : tunables 0 0 0 : slabdata 1 1 0\n");
  const Forecast without =
      forecast_of({loop(10)}, SlabObjects::of_this_kernel(tree.root()), fragment);
  EXPECT_TRUE(without.sizes_are_read);
  EXPECT_NEAR(without.per_connection.slab, 4'037 - 32 - 24.1, 1);
}

TEST(Forecast, ReadsWhetherTheKernelAllocatesSeveralPagesForASend) {
  fixtures::FixtureTree tree;
  EXPECT_EQ(send_fragment_bytes(tree.root()), fragment);
  tree.file("/proc/sys/net/core/high_order_alloc_disable", "0\n");
  EXPECT_EQ(send_fragment_bytes(tree.root()), fragment);
  tree.file("/proc/sys/net/core/high_order_alloc_disable", "1\n");
  EXPECT_EQ(send_fragment_bytes(tree.root()), 4'096U);
}

TEST(Forecast, AgreesWithTheMemoryRowOfThePreflight) {
  const std::vector<Demand> demands{loop(10'000),
                                    fixtures::threads(10'000),
                                    fixtures::client(10'000),
                                    {10'000, ring_traits(32)},
                                    {10'000, thread_traits(8U << 20U, 4'096)}};
  for (const Demand& demand : demands) {
    const double row = static_cast<double>(demand.memory_bytes());
    EXPECT_NEAR(row, of({demand}).in_all.all().most, 0.02 * row);
  }
}

TEST(Forecast, OfMoreConnectionsThanFitIntoANumberDoesNotWrapAround) {
  const Forecast huge = of({fixtures::threads(unlimited)});
  EXPECT_GT(huge.in_all.all().most, 1e24);
  EXPECT_GT(huge.in_all.slab, huge.per_connection.slab);
}

}  // namespace
}  // namespace limits
