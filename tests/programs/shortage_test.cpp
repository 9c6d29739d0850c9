// What the machine does not allow is refused at the start, with exit 3 and the name of the limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "echo/descriptor.hpp"
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

#if !defined(TESTBED_SANITIZES_ADDRESS) && !defined(TESTBED_SANITIZES_THREAD)
/// A socket that is connected to `port` of loopback, or an empty one.
echo::Descriptor connection_to(std::uint16_t port) {
  echo::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
    socket.reset();
  return socket;
}

/// The report of a server that had 40 connections, which is more than `confine` lets it serve.
std::string report_of_a_confined_server(std::vector<std::string> words,
                                        const std::function<void()>& confine) {
  Process server{std::move(words), Stdout::read, confine};
  const std::string line = server.next_error_line();  // "listening 127.0.0.1:PORT, room for ..."
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) return line;
  const auto port = static_cast<std::uint16_t>(std::strtoul(line.c_str() + colon + 1, nullptr, 10));
  std::vector<echo::Descriptor> open;
  for (int i = 0; i < 40; ++i) open.push_back(connection_to(port));
  for (const echo::Descriptor& socket : open) {  // until each is served, or shed
    char byte = 0;
    if (::send(socket.get(), &byte, 1, MSG_NOSIGNAL) == 1) {
      [[maybe_unused]] const auto answered_or_ended = ::recv(socket.get(), &byte, 1, 0);
    }
  }
  open.clear();
  server.signal(SIGTERM);
  return server.wait().out;
}

// Wanted: the report counted connections without a thread, and did not name the limit.
TEST(Shortage, OfAddressSpaceForConnectionsIsNamedInTheReport) {
  const std::string report =
      report_of_a_confined_server({"echo_threads", "-p", "0", "--stack-size", "8M"}, [] {
        const rlimit few{160'000'000, 160'000'000};
        ::setrlimit(RLIMIT_AS, &few);
      });
  EXPECT_THAT(report, HasSubstr("shed threads: "));
  EXPECT_THAT(report, HasSubstr("warning: no thread or process for a connection: address space: "));
}

TEST(Shortage, OfProcessesForConnectionsIsNamedInTheReport) {
  for (const char* model : {"thread-per-connection", "fork-per-connection"}) {
    SCOPED_TRACE(model);
    const std::string report = report_of_a_confined_server(
        {"echo_threads", "-p", "0", "--model", model}, as_a_user_with(20));
    if (report.empty()) GTEST_SKIP() << "needs root, and programs that others may run";
    EXPECT_THAT(report,
                HasSubstr("warning: no thread or process for a connection: user processes: need 1, "
                          "have 0 (RLIMIT_NPROC, soft)"));
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
