// Stacks that lie in one region: its maps, its guards, what unused stacks keep, and shortage.
#include "echo_threads/stack/stack_region.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <new>
#include <sstream>
#include <string>
#include <vector>

#include "tests/echo/in_child.hpp"

namespace conformance {
namespace {

using echo_threads::guard_method_of_this_kernel;
using echo_threads::GuardMethod;
using echo_threads::StackRegion;

#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

constexpr std::size_t stack_size = 64U << 10U;

std::size_t page() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

bool has_light_guards() {
  return guard_method_of_this_kernel() == GuardMethod::install;
}

std::vector<std::byte*> allocate(StackRegion& region, std::size_t count) {
  std::vector<std::byte*> stacks;
  for (std::size_t i = 0; i < count; ++i) stacks.push_back(region.allocate());
  return stacks;
}

/// Entries of /proc/self/maps between two addresses.
std::size_t maps_between(const std::byte* lowest, const std::byte* end) {
  std::ifstream maps{"/proc/self/maps"};
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words{line};
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    words >> std::hex >> from >> dash >> to;
    if (from < reinterpret_cast<std::uintptr_t>(end) &&
        to > reinterpret_cast<std::uintptr_t>(lowest)) {
      ++count;
    }
  }
  return count;
}

/// Whether the kernel can read there, without a signal for this program.
bool can_be_read(const std::byte* where) {
  errno = 0;
  return ::access(reinterpret_cast<const char*>(where), F_OK) == 0 || errno != EFAULT;
}

std::size_t resident_pages(std::byte* lowest, std::size_t bytes) {
  std::vector<unsigned char> pages(bytes / page());
  EXPECT_EQ(::mincore(lowest, bytes, pages.data()), 0);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](auto each) { return (each & 1U) != 0; }));
}

TEST(StackRegion, IsOneMapWhateverTheNumberOfStacks) {
  if (!has_light_guards()) GTEST_SKIP() << "needs Linux 6.13";
  StackRegion region{stack_size, 4096};
  // More than vm.max_map_count allows where each has two maps.
  const auto stacks = allocate(region, sanitized ? 1'000 : 40'000);
  const auto [lowest, highest] = std::minmax_element(stacks.begin(), stacks.end());
  EXPECT_EQ(region.mappings(), 1U);
  EXPECT_EQ(maps_between(*lowest, *highest + region.stack_size()), 1U);
}

TEST(StackRegion, IsOneMapWithoutGuards) {
  StackRegion region{stack_size, 0, GuardMethod::protect};
  const auto stacks = allocate(region, 1'000);
  EXPECT_EQ(maps_between(stacks.front(), stacks.back() + stack_size), 1U);
  EXPECT_EQ(stacks[1] - stacks[0], static_cast<std::ptrdiff_t>(region.stack_size()));
}

TEST(StackRegion, TakesTwoMapsForEachStackWhereGuardsAreProtected) {
  StackRegion region{stack_size, 4096, GuardMethod::protect};
  const auto stacks = allocate(region, 100);
  EXPECT_EQ(maps_between(stacks.front() - page(), stacks.back() + 1), 200U);
}

TEST(StackRegion, RoundsSizesUpToPages) {
  StackRegion region{16'385, 1};
  const auto stacks = allocate(region, 2);
  const std::size_t usual = 16'384 + page();
  EXPECT_EQ(region.stack_size() % page(), 0U);
  EXPECT_EQ(region.stack_size(), usual + (sanitized ? 1U << 20U : 0U));
  EXPECT_EQ(stacks[1] - stacks[0], static_cast<std::ptrdiff_t>(region.stack_size() + page()));
}

TEST(StackRegion, GuardsEachStackInAllPagesOfTheGuard) {
  for (const GuardMethod method : {guard_method_of_this_kernel(), GuardMethod::protect}) {
    StackRegion region{stack_size, 3 * page(), method};
    for (std::byte* const stack : allocate(region, 200)) {
      ASSERT_TRUE(can_be_read(stack));
      ASSERT_TRUE(can_be_read(stack + region.stack_size() - 1));
      for (std::size_t i = 1; i <= 3; ++i) ASSERT_FALSE(can_be_read(stack - i * page())) << i;
    }
  }
}

TEST(StackRegion, UsesTheLastStackFirstAndKeepsItsGuard) {
  StackRegion region{stack_size, 4096};
  const auto stacks = allocate(region, 1'000);
  for (std::byte* const stack : stacks) region.deallocate(stack);
  auto again = allocate(region, 1'000);
  EXPECT_EQ(again.front(), stacks[639]) << "the last of those that keep pages";
  for (std::byte* const stack : again) EXPECT_FALSE(can_be_read(stack - 1));
  std::sort(again.begin(), again.end());
  EXPECT_EQ(again, stacks) << "each once";
}

TEST(StackRegion, KeepsTheUpperPagesOfABoundedNumberOfUnusedStacks) {
  StackRegion region{stack_size, 4096};
  const std::size_t top = region.stack_size() - stack_size;
  const auto stacks = allocate(region, 700);
  for (std::byte* const stack : stacks) std::fill_n(stack + top, stack_size, std::byte{1});
  for (std::byte* const stack : stacks) region.deallocate(stack);
  std::vector<std::size_t> pages;
  for (std::byte* const stack : stacks)
    pages.push_back(resident_pages(stack, region.stack_size()) * page());
  EXPECT_EQ(std::count(pages.begin(), pages.end(), 16'384), 640);
  EXPECT_EQ(std::count(pages.begin(), pages.end(), 0), 60);
}

TEST(StackRegion, HasNoHugePages) {
  StackRegion region{stack_size, 4096};
  std::byte* const stack = region.allocate();
  std::ifstream maps{"/proc/self/smaps"};
  std::string flags;
  bool found = false;
  for (std::string line; std::getline(maps, line) && flags.empty();) {
    std::uintptr_t from = 0;
    std::uintptr_t to = 0;
    char dash = 0;
    std::istringstream words{line};
    if (words >> std::hex >> from >> dash >> to && dash == '-') {
      const auto it = reinterpret_cast<std::uintptr_t>(stack);
      found = from <= it && it < to;
    }
    if (found && line.starts_with("VmFlags:")) flags = line;
  }
  if (::access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0) GTEST_SKIP() << "none exist";
  EXPECT_NE(flags.find(" nh"), std::string::npos) << flags;
}

TEST(StackRegion, GoesOnElsewhereWhereAnotherMappingIsInTheWay) {
  StackRegion region{stack_size, 4096};
  void* obstacle = MAP_FAILED;
  for (int i = 0; i < 1'000 && obstacle == MAP_FAILED; ++i) {
    obstacle = ::mmap(region.allocate() + region.stack_size(), page(), PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  }
  ASSERT_NE(obstacle, MAP_FAILED) << "the mapping has an end";
  std::byte* const stack = region.allocate();
  EXPECT_EQ(region.mappings(), 2U);
  std::fill_n(stack, region.stack_size(), std::byte{1});
  EXPECT_FALSE(can_be_read(stack - 1));
  allocate(region, 2'000);
  EXPECT_EQ(region.mappings(), 2U) << "there is room in the new place";
  ::munmap(obstacle, page());
}

TEST(StackRegion, ThrowsBadAllocWithoutAddressSpaceAndRecovers) {
  if (sanitized) GTEST_SKIP() << "a sanitizer needs more addresses";
  EXPECT_EQ(echo::fixtures::in_child([]() -> int {
              StackRegion region{stack_size, 4096};
              const rlimit few{100U << 20U, 100U << 20U};
              ::setrlimit(RLIMIT_AS, &few);
              std::vector<std::byte*> stacks;
              try {
                for (;;) stacks.push_back(region.allocate());
              } catch (const std::bad_alloc&) {
              }
              // All of it is used: the region grows by less where less is left.
              std::uint64_t pages = 0;
              std::ifstream{"/proc/self/statm"} >> pages;
              if (pages * page() + stack_size + 4096 <= few.rlim_cur) return 1;
              std::byte* const last = stacks.back();
              region.deallocate(last);
              return region.allocate() == last ? 0 : 2;
            }),
            0);
}

TEST(StackRegion, ThrowsBadAllocWithoutMemoryMaps) {
  if (sanitized) GTEST_SKIP() << "a sanitizer needs maps itself";
  EXPECT_EQ(echo::fixtures::in_child([]() -> int {
              std::uint64_t maps = 0;
              if (!(std::ifstream{"/proc/sys/vm/max_map_count"} >> maps)) return 1;
              if (maps > 200'000) return 0;  // takes too long
              StackRegion region{16'384, 4096, GuardMethod::protect};
              std::uint64_t count = 0;
              try {
                for (; count < maps; ++count) region.allocate();
              } catch (const std::bad_alloc&) {
              }
              return count > maps / 2 - 1'000 && count <= maps / 2 ? 0 : 2;
            }),
            0);
}

}  // namespace
}  // namespace conformance
