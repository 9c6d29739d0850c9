// What the machine does not allow is refused at the start, with exit 3 and the name of the limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/programs/process.hpp"

namespace programs {
namespace {

using ::testing::HasSubstr;

constexpr int cannot_execute = 127;

/// Becomes a user that has no other process, with RLIMIT_NPROC. Only root can.
[[maybe_unused]] std::function<void()> as_a_user_with(rlim_t processes) {
  return [processes] {
    const auto nobody_else = static_cast<uid_t>(100'000 + ::getpid());
    const rlimit few{processes, processes};
    ::setrlimit(RLIMIT_NPROC, &few);
    ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // the search for leaks starts a thread
    if (::setgid(nobody_else) != 0 || ::setuid(nobody_else) != 0) ::_exit(cannot_execute);
  };
}

void expect_refusal(const Ended& ended, const std::string& limit) {
  if (ended.code == cannot_execute) GTEST_SKIP() << "needs root, and programs that others may run";
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr(limit));
  EXPECT_EQ(ended.err.find('\n'), ended.err.size() - 1) << "one line: " << ended.err;
}

// Bug: the stacks of a pool were not part of its demand: pthread_create failed, with exit 7.
TEST(Shortage, OfUserAddressesForThePoolsStacksIsRefusedByName) {
  for (const char* model : {"pool-accept", "pool-shared-queue", "pool-own-queue"}) {
    SCOPED_TRACE(model);
    expect_refusal(run({"echo_threads", "-p", "0", "--model", model, "--workers", "200",
                        "--stack-size", "1T"}),
                   "user addresses: need 200");
  }
}

#if !defined(TESTBED_SANITIZES_ADDRESS) && !defined(TESTBED_SANITIZES_THREAD)
TEST(Shortage, OfAddressSpaceForThePoolsStacksIsRefusedByName) {
  expect_refusal(
      run({"echo_threads", "-p", "0", "--model", "pool-accept", "--stack-size", "1G"}, Stdout::read,
          [] {
            const rlimit few{2'000'000'000, 2'000'000'000};
            ::setrlimit(RLIMIT_AS, &few);
          }),
      "address space: need 8");
}
#endif

#ifndef TESTBED_SANITIZES_THREAD  // it starts a thread of its own
// Bug: the preflight counted two tasks for the client whatever its --threads.
TEST(Shortage, OfProcessesForTheClientsThreadsIsRefusedByName) {
  expect_refusal(
      run({"client", "127.0.0.1:9", "-n", "8", "-t", "4"}, Stdout::read, as_a_user_with(5)),
      "user processes: need 5, have ");
}

// Bug: limits ended with 7 where it could not start the server that it asks for a model's demand.
TEST(Shortage, OfProcessesForTheServerThatLimitsRunsIsRefusedByName) {
  expect_refusal(run({"limits", "-n", "10"}, Stdout::read, as_a_user_with(1)),
                 "user processes: need 1, have 0 (RLIMIT_NPROC");
}

TEST(Shortage, OfProcessesForTheThreadsOfAServerIsRefusedByName) {
  for (const char* model : {"thread-per-connection", "fork-per-connection", "pool-accept"}) {
    SCOPED_TRACE(model);
    expect_refusal(
        run({"echo_threads", "-p", "0", "--model", model}, Stdout::read, as_a_user_with(1)),
        "user processes: need");
  }
}
#endif

// Bug: a server that could not watch its listener or its stop ended with 7, and named no limit.
TEST(Shortage, OfEpollWatchesAtTheStartIsRefusedByName) {
  for (const auto& [server, model] :
       {std::pair{"echo_async", "callbacks"}, std::pair{"echo_async", "shared-context"},
        std::pair{"echo_async", "nested-epoll"}, std::pair{"echo_async", "reactor-per-core"},
        std::pair{"echo_async", "hand-off"}, std::pair{"echo_threads", "pool-accept"}}) {
    SCOPED_TRACE(model);
    const Ended ended = run({server, "-p", "0", "--model", model}, Stdout::read,
                            [] { forbid(SYS_epoll_ctl, ENOSPC); });
    EXPECT_EQ(ended.code, 3) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("fs.epoll.max_user_watches"));
  }
}

}  // namespace
}  // namespace programs
