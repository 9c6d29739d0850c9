// A thread that goes below its stack in a region: it faults on the guard, if there is one.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>

#include "echo_threads/stack/stack_region.hpp"

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
constexpr std::size_t page = 4096;

/// Runs on a thread with a stack of the region; reads the byte below its stack.
void* read_below(void* stack) {
  static_cast<void>(*(static_cast<volatile std::byte*>(stack) - 1));
  return nullptr;
}

/// Starts a thread on the second of two stacks, which reads below it, and ends the process with 0.
[[noreturn]] void overflow(std::size_t guard, GuardMethod method) {
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  StackRegion region{stack_size, guard, method};
  region.allocate();
  std::byte* const stack = region.allocate();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstack(&attributes, stack, region.stack_size());
  pthread_t thread{};
  if (::pthread_create(&thread, &attributes, read_below, stack) != 0) ::_exit(2);
  ::pthread_join(thread, nullptr);
  ::_exit(0);
}

bool died_of_the_fault(int status) {
  if (sanitized) return WIFEXITED(status) && WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 2;
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

TEST(StackRegionDeathTest, AnOverflowFaultsOnTheGuard) {
  for (const GuardMethod method : {guard_method_of_this_kernel(), GuardMethod::protect}) {
    EXPECT_EXIT(overflow(1, method), died_of_the_fault, "");
    EXPECT_EXIT(overflow(3 * page, method), died_of_the_fault, "");
  }
}

TEST(StackRegionDeathTest, AnOverflowWithoutAGuardReachesTheNextStack) {
  EXPECT_EXIT(overflow(0, guard_method_of_this_kernel()), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace conformance
