// The stacks of serving threads: painting and reading at known depths, and which options are
// refused.
#include "echo_threads/stack/stack.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <CLI/Error.hpp>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "server/workers.hpp"

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

}  // namespace
}  // namespace conformance
