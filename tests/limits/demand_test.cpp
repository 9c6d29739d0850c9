// What N connections need, by the traits of their model.
#include "limits/demand.hpp"

#include <gtest/gtest.h>

#include "tests/limits/roomy_machine.hpp"

namespace limits {
namespace {

using fixtures::client;
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

TEST(Demand, AThreadCostsWhatWasMeasuredWithBothEnds) {
  const double bytes =
      static_cast<double>(threads(1'000).memory_bytes() + client(1'000).memory_bytes());
  EXPECT_NEAR(bytes / 1'000, 73'000, 1'000);  // docs/kernel-costs.md: ~73 KB without tuning
}

TEST(Demand, AStackWithoutAGuardIsOneMapAndALargeOneTakesAPageTableMore) {
  EXPECT_EQ(thread_traits(65'536, 0).maps_per_connection, 1);
  EXPECT_EQ(thread_traits(65'536, 4'096).maps_per_connection, 2);
  EXPECT_EQ(thread_traits(2U << 20U, 0).kernel_bytes,
            thread_traits(65'536, 0).kernel_bytes + 4'096);
}

}  // namespace
}  // namespace limits
