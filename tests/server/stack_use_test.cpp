// High waters of many stacks, reported as three figures and the size that would have held them.
#include "server/stack_use.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace server {
namespace {

StackUse use_of(const std::vector<std::uint64_t>& bytes) {
  StackUse use{4096, 16384};
  for (const std::uint64_t each : bytes) use.add(each);
  return use;
}

std::vector<std::uint64_t> up_to(std::uint64_t n) {
  std::vector<std::uint64_t> bytes;
  for (std::uint64_t i = n; i > 0; --i) bytes.push_back(i);
  return bytes;
}

TEST(StackUse, ReturnsPercentilesByNearestRank) {
  const StackUse use = use_of(up_to(1000));
  EXPECT_EQ(use.threads(), 1000U);
  EXPECT_EQ(use.percentile(50), 500U);
  EXPECT_EQ(use.percentile(99), 990U);
  EXPECT_EQ(use.max(), 1000U);
}

TEST(StackUse, ReturnsNoPercentileWithFewerThanTenAbove) {
  EXPECT_EQ(use_of(up_to(999)).percentile(99), std::nullopt);
  EXPECT_EQ(use_of(up_to(20)).percentile(50), 10U);
  EXPECT_EQ(use_of(up_to(19)).percentile(50), std::nullopt);
  EXPECT_EQ(use_of(up_to(19)).max(), 19U);
}

TEST(StackUse, ReturnsTheSmallestSizeInWholePagesAndNoLessThanThePlatforms) {
  struct Case {
    std::uint64_t deepest, size;
    bool used_less_than_minimum;
  };
  for (const Case& each :
       {Case{1, 16384, true}, Case{12288, 16384, true}, Case{12289, 16384, false},
        Case{16384, 16384, false}, Case{16385, 20480, false}, Case{71352, 73728, false}}) {
    const StackUse use = use_of({1, each.deepest});
    EXPECT_EQ(use.smallest_size(), each.size) << each.deepest;
    EXPECT_EQ(use.used_less_than_minimum(), each.used_less_than_minimum) << each.deepest;
  }
}

TEST(StackUse, IsUnknownWithoutThreads) {
  const StackUse use = use_of({});
  EXPECT_EQ(use.max(), std::nullopt);
  EXPECT_EQ(use.smallest_size(), std::nullopt);
  EXPECT_EQ(use.percentile(50), std::nullopt);
  EXPECT_FALSE(use.used_less_than_minimum());
}

}  // namespace
}  // namespace server
