// The models that take the options of stacks: they serve at the depth and with the allocator that
// are given, report the depth, and survive a shortage of addresses.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echo_threads/stack/guard.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/conformance/harness.hpp"
#include "tests/conformance/peer.hpp"

namespace conformance {
namespace {

constexpr std::uint64_t set_up = 1U << 20U;  ///< more than a thread's set-up takes, in any build

/// The models that take --touch-stack.
class EveryStack : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(echo_threads, EveryStack,
                         ::testing::Values("thread-per-connection", "pool-accept",
                                           "pool-shared-queue", "pool-own-queue"),
                         [](const auto& info) {
                           std::string name{info.param};
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// The use of stacks after a few connections, each with one echo, one after the other.
std::optional<server::StackUse> use_after(const char* model, std::vector<std::string> own) {
  constexpr int connections = 3;
  Harness server{model_named(model), loopback(), std::move(own)};
  server.serve();
  const echo::Payload payload = echo::Payload::unique(64, 1);
  for (int i = 0; i < connections; ++i) {
    Peer peer{server.where()};
    EXPECT_TRUE(echoes(peer, payload, {0, 0}));
  }
  EXPECT_TRUE(server.stop());
  EXPECT_EQ(server.complaint(), "");
  return server.measurements().stacks;
}

TEST_P(EveryStack, ServesAtTheGivenDepthAndReportsIt) {
  const std::vector<std::string> pool = std::string(GetParam()).starts_with("pool")
                                            ? std::vector<std::string>{"--workers", "3"}
                                            : std::vector<std::string>{};
  const auto with = [&](std::vector<std::string> own) {
    own.insert(own.end(), pool.begin(), pool.end());
    return use_after(GetParam(), own);
  };
  const auto shallow = with({"--stack-report", "--touch-stack", "8K", "--stack-size", "16M"});
  const auto deep = with({"--stack-report", "--touch-stack", "2M", "--stack-size", "16M"});
  ASSERT_TRUE(shallow && deep);
  EXPECT_EQ(deep->threads(), 3U) << "each thread was painted";
  EXPECT_GT(deep->max().value_or(0), 2U << 20U);
  EXPECT_LT(shallow->max().value_or(0), 8192 + set_up);
  EXPECT_GT(deep->smallest_size().value_or(0), 2U << 20U);
}

/// Where the stacks of a model with a thread per connection lie.
class EveryAllocator : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(echo_threads, EveryAllocator, ::testing::Values("pthread", "region"),
                         [](const auto& info) { return std::string{info.param}; });

TEST_P(EveryAllocator, ServesAtTheGivenDepthAndReportsIt) {
  const auto use =
      use_after("thread-per-connection", {"--stack-allocator", GetParam(), "--stack-report",
                                          "--touch-stack", "2M", "--stack-size", "16M"});
  ASSERT_TRUE(use);
  EXPECT_EQ(use->threads(), 3U);
  EXPECT_GT(use->max().value_or(0), 2U << 20U);
  EXPECT_LT(use->max().value_or(0), (2U << 20U) + set_up);
}

TEST_P(EveryAllocator, ServesWithoutAGuardAndWithSizesThatAreNoPages) {
  EXPECT_FALSE(use_after("thread-per-connection", {"--stack-allocator", GetParam(), "--guard-size",
                                                   "0", "--stack-size", "65537"}));
  EXPECT_FALSE(use_after("thread-per-connection", {"--stack-allocator", GetParam(), "--guard-size",
                                                   "8193", "--stack-size", "65537"}));
}

TEST_P(EveryAllocator, ShedsConnectionsWithoutAddressSpaceForTheirStackAndRecovers) {
#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
  GTEST_SKIP() << "a sanitizer needs more addresses";
#endif
  Harness server{model_named("thread-per-connection"),
                 loopback(),
                 {"--stack-allocator", GetParam(), "--stack-size", "64M"}};
  server.serve_in_child([] {
    std::uint64_t pages = 0;
    if (!(std::ifstream{"/proc/self/statm"} >> pages)) return false;
    constexpr std::uint64_t ten_stacks = 640U << 20U;
    const rlim_t most = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + ten_stacks;
    const rlimit few{most, most};
    return ::setrlimit(RLIMIT_AS, &few) == 0;
  });
  const echo::Payload payload = echo::Payload::unique(64, 1);
  std::vector<Peer> served;
  for (std::uint32_t i = 0; i < 32; ++i) {
    Peer peer{server.where()};
    if (!echoes(peer, payload, {i, 0})) break;
    served.push_back(std::move(peer));
  }
  ASSERT_GT(served.size(), 5U);
  ASSERT_LT(served.size(), 11U);
  EXPECT_TRUE(eventually([&] { return server.counters().shed_count(server::Shed::threads) == 1; }));
  served.pop_back();
  EXPECT_TRUE(eventually([&] {
    Peer peer{server.where()};
    return static_cast<bool>(echoes(peer, payload, {99, 0}));
  })) << "a stack that is free again";
  EXPECT_TRUE(echoes(served.front(), payload, {0, 1}));
  served.clear();
  EXPECT_TRUE(server.stop());
}

/// Memory maps that the model states for each connection.
double maps_with(std::vector<std::string> words) {
  CLI::App app;
  const server::Configured configured = model_named("thread-per-connection").configure(app);
  std::reverse(words.begin(), words.end());
  app.parse(words);
  return configured.demand({}, 1'000).traits.maps_per_connection;
}

TEST(StackAllocator, DecidesHowManyMapsAConnectionTakes) {
  const bool one_map =
      echo_threads::guard_method_of_this_kernel() == echo_threads::GuardMethod::install;
  EXPECT_EQ(maps_with({"--stack-allocator", "pthread"}), 2);
  EXPECT_EQ(maps_with({"--stack-allocator", "pthread", "--guard-size", "0"}), 1);
  EXPECT_EQ(maps_with({"--stack-allocator", "region"}), one_map ? 0 : 2);
  EXPECT_EQ(maps_with({"--stack-allocator", "region", "--guard-size", "0"}), 0);
  EXPECT_EQ(maps_with({}), one_map ? 0 : 2) << "the default";
}

TEST_P(EveryStack, ReportsNothingWithoutStackReport) {
  EXPECT_FALSE(use_after(GetParam(), {"--touch-stack", "8K"}));
}

}  // namespace
}  // namespace conformance
