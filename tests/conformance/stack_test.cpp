// The stacks of serving threads: painting and reading at known depths, which options are refused,
// and the models that take these options.
#include "echo_threads/stack/stack.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Error.hpp>
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "echo_threads/stack/guard.hpp"
#include "server/workers.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/conformance/harness.hpp"
#include "tests/conformance/peer.hpp"

namespace conformance {
namespace {

using echo_threads::StackOptions;

/// Far more than any sanitizer needs: GCC's thread sanitizer takes 770 KiB of each stack.
constexpr std::uint64_t roomy = 16U << 20U;
constexpr std::uint64_t set_up = 1U << 20U;  ///< more than a thread's set-up takes, in any build

/// Runs `work` on a thread with the stack of `options`.
void run_on_a_thread(const StackOptions& options, std::function<void()> work) {
  server::ThreadAttributes attributes;
  apply(options, attributes.get());
  pthread_t thread{};
  const auto run = [](void* it) -> void* {
    (*static_cast<std::function<void()>*>(it))();
    return nullptr;
  };
  ASSERT_EQ(::pthread_create(&thread, attributes.get(), run, &work), 0);
  ::pthread_join(thread, nullptr);
}

StackOptions painted(std::uint64_t size, std::uint64_t touch) {
  return {.size = size, .guard = 4096, .touch = touch, .report = true};
}

std::uint64_t high_water_at(std::uint64_t depth, std::uint64_t size = roomy) {
  std::optional<std::uint64_t> high_water;
  const StackOptions options = painted(size, depth);
  run_on_a_thread(options, [&] { high_water = on_stack(options, 0, [](std::byte*) {}); });
  return high_water.value_or(0);
}

TEST(Stack, ReadsBackTheDepthThatWasTouched) {
  constexpr std::uint64_t first = 8192;  // deeper than the frames that read it, in every build
  constexpr std::uint64_t alignment = 64;
  const std::uint64_t at_first = high_water_at(first);
  EXPECT_GT(at_first, first) << "the thread's own set-up is counted too";
  EXPECT_LT(at_first, first + set_up);
  for (const std::uint64_t depth : {8193U, 12288U, 16384U, 65536U, 100'001U, 917'504U}) {
    const std::uint64_t more = high_water_at(depth) - at_first;
    EXPECT_NEAR(static_cast<double>(more), static_cast<double>(depth - first), alignment) << depth;
  }
}

TEST(Stack, ReadsTheSameDepthForEverySize) {
  const std::uint64_t least = high_water_at(16384, roomy);
  for (const std::uint64_t size : {2 * roomy, 4 * roomy, 8 * roomy}) {
    EXPECT_EQ(high_water_at(16384, size), least) << size;
  }
}

TEST(Stack, SeesOneByteThatWasWrittenFarBelowTheFrames) {
  constexpr std::uint64_t depth = 4U << 20U;
  const auto high_water = [](bool write) {
    std::optional<std::uint64_t> bytes;
    const StackOptions options = painted(roomy, 0);
    run_on_a_thread(options, [&] {
      bytes = on_stack(options, 0, [&](std::byte*) {
        volatile std::byte here{};
        if (write) *(&here - depth) = std::byte{1};  // where the frame of a call could be
      });
    });
    return bytes.value_or(0);
  };
#ifdef TESTBED_SANITIZES_ADDRESS
  GTEST_SKIP() << "the address sanitizer reports such a write";
#endif
  EXPECT_LT(high_water(false), depth);
  EXPECT_GE(high_water(true), depth);
  EXPECT_LT(high_water(true), depth + set_up);
}

TEST(Stack, TouchesEveryPageOfTheDepth) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  // A size that no thread had before: glibc keeps the stacks of ended threads with their pages.
  const StackOptions options{.size = 3 * roomy, .guard = 4096, .touch = 1'000'001};
  std::vector<unsigned char> resident;
  run_on_a_thread(options, [&] {
    on_stack(options, 0, [&](std::byte* room) {
      const auto first = reinterpret_cast<std::uintptr_t>(room) / page * page;
      const auto end = reinterpret_cast<std::uintptr_t>(room) + options.touch;
      resident.resize((end - first + page - 1) / page);
      ::mincore(reinterpret_cast<void*>(first), end - first, resident.data());
    });
  });
  EXPECT_GE(resident.size(), options.touch / page);
  EXPECT_EQ(std::count_if(resident.begin(), resident.end(), [](auto each) { return each & 1U; }),
            static_cast<std::ptrdiff_t>(resident.size()));
}

TEST(Stack, GivesTheWorkItsBufferBelowTheDepth) {
  std::uint64_t sum = 0;
  const StackOptions options{.size = roomy, .guard = 4096, .touch = 10'000, .report = false};
  run_on_a_thread(options, [&] {
    const auto none = on_stack(options, 5000, [&](std::byte* buffer) {
      std::fill_n(buffer, 5000, std::byte{3});
      sum = static_cast<std::uint64_t>(std::count(buffer, buffer + 5000, std::byte{3}));
    });
    EXPECT_EQ(none, std::nullopt) << "not painted";
  });
  EXPECT_EQ(sum, 5000U);
}

TEST(Stack, LeavesOrdinaryThreadsAlone) {
  struct Case {
    StackOptions options;
    std::uint64_t buffer;
    bool ordinary;
  };
  const Case cases[] = {
      {{}, 1024, true},
      {{.size = 16384}, 768, true},
      {{.size = 16384}, 2048, true},
      {{.size = 16384}, 2049, false},  // the frames below could lie beyond the guard
      {{.size = 65536}, 49152, true},
      {{.size = 65536}, 49153, false},
      {{.touch = 1}, 1024, false},
      {{.report = true}, 1024, false},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(is_ordinary(each.options, each.buffer), each.ordinary)
        << each.options.size << " " << each.buffer;
  }
}

std::string complaint_about(const StackOptions& options, std::uint64_t buffer) {
  try {
    check(options, buffer);
  } catch (const CLI::ValidationError& error) {
    return error.what();
  }
  return "";
}

TEST(Stack, RefusesOnlySizesThatAreCertainlyTooSmall) {
  struct Case {
    std::uint64_t size, touch, buffer;
    const char* expected;  // nullptr: allowed, though it may fault
  };
  const Case cases[] = {
      {4096, 0, 1024, "PTHREAD_STACK_MIN"},
      {16384, 0, 1024, nullptr},
      {16384, 0, 16383, nullptr},
      {16384, 0, 16384, "a --buffer-size of 16 KiB: at least 20K"},
      {16384, 16383, 0, nullptr},
      {16384, 16384, 0, "a --touch-stack of 16 KiB: at least 20K"},
      {16384, 16384, 1024, "a --touch-stack of 16 KiB and a --buffer-size of 1 KiB: at least 20K"},
      {20479, 16384, 1024, nullptr},  // rounded up to a whole page
      {65536, 1ULL << 40U, 0, "at least 1073741828K"},
  };
  for (const Case& each : cases) {
    const StackOptions options{.size = each.size, .guard = 4096, .touch = each.touch};
    const std::string error = complaint_about(options, each.buffer);
    if (each.expected == nullptr) {
      EXPECT_EQ(error, "") << each.size;
    } else {
      EXPECT_NE(error.find(each.expected), std::string::npos) << error;
    }
  }
}

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
