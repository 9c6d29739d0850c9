// The thread that forks receives descriptors under free numbers and restores the numbers of those
// to be kept. The test covers every way in which the two sets of numbers can overlap.
#include "echo_threads/process/fork_server.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <string>

#include "echo/descriptor.hpp"
#include "tests/echo/in_child.hpp"

namespace {

/// A number beyond those that are tried.
constexpr int aside = 64;
constexpr int first_tried = 3;
constexpr int last_tried = 9;

/// A pipe whose two ends have numbers from `aside` on.
struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    reading.reset(::fcntl(ends[0], F_DUPFD_CLOEXEC, aside));
    writing.reset(::fcntl(ends[1], F_DUPFD_CLOEXEC, aside));
    ::close(ends[0]);
    ::close(ends[1]);
    ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
  }
  [[nodiscard]] std::string content() const {
    char bytes[8];
    const ssize_t got = ::read(reading.get(), bytes, sizeof bytes);
    return {bytes, static_cast<std::size_t>(got > 0 ? got : 0)};
  }

  echo::Descriptor reading;
  echo::Descriptor writing;
};

struct Pipes {
  Pipe first, second, handed_over;
};

/// True when the child wrote through each of the three numbers into the right pipe.
bool arrives(echo_threads::ForkServer& fork_server, const Pipes& pipes, int first, int second,
             int handed) {
  ::dup2(pipes.first.writing.get(), first);
  ::dup2(pipes.second.writing.get(), second);
  ::dup2(pipes.handed_over.writing.get(), handed);
  const pid_t child = fork_server.fork({first, second}, handed, [first, second](int number) {
    const bool all =
        ::write(first, "a", 1) + ::write(second, "b", 1) + ::write(number, "c", 1) == 3;
    ::_exit(all ? 0 : 1);
  });
  int status = -1;
  if (child > 0) ::waitpid(child, &status, 0);
  for (const int fd : {first, second, handed}) ::close(fd);
  return status == 0 && pipes.first.content() == "a" && pipes.second.content() == "b" &&
         pipes.handed_over.content() == "c";
}

int try_all() {
  ::close_range(first_tried, ~0U, 0);
  const Pipes pipes;
  // None of the tried numbers is free, so the fork server's sockets get numbers beyond them.
  for (int fd = first_tried; fd <= last_tried; ++fd) ::dup2(STDERR_FILENO, fd);
  echo_threads::ForkServer fork_server;
  for (int first = first_tried; first <= last_tried; ++first) {
    for (int second = first + 1; second <= last_tried; ++second) {
      for (int handed = first_tried; handed <= last_tried; ++handed) {
        if (handed == first || handed == second) continue;
        if (!arrives(fork_server, pipes, first, second, handed)) {
          std::fprintf(stderr, "keeping %d and %d, handing over %d\n", first, second, handed);
          return 1;
        }
      }
    }
  }
  return 0;
}

TEST(ForkServer, KeepsTheNumbersOfDescriptorsInEveryOrder) {
  if (echo::fixtures::in_child([] { return ::unshare(CLONE_FILES) == 0 ? 0 : 1; }) != 0)
    GTEST_SKIP() << "unshare(2) is refused here: the server forks with the table of its process";
  EXPECT_EQ(echo::fixtures::in_child(try_all), 0);
}

}  // namespace
