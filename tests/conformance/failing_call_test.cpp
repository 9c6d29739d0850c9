// Every model as a program in which one system call fails: it serves on or ends with one clear
// line, and signals stop it in any case.
//
// Bugs: after one failing poll(2) the thread that waits for signals ended, and no signal stopped
// the server any more. An accept(2) that failed each time was repeated without looking at the stop.
// A lost reply of prefork's forking thread became process id 0, and kill(0, SIGKILL) ended the
// whole process group of the server, the user's shell with it.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "echo/exit_code.hpp"
#include "echo/socket.hpp"
#include "echo_threads/models.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/programs/failing_call.hpp"
#include "tests/programs/process.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;

struct Kind {
  std::string_view name;
  std::vector<unsigned> calls;
  std::vector<int> errors;
  /// Whether the loader of programs calls it, which no program can handle.
  bool only_later = false;
};

std::vector<Kind> kinds() {
  std::vector<Kind> all{
      {"accept", {SYS_accept, SYS_accept4}, {EPERM, ECONNABORTED, ENOMEM, EINTR, EAGAIN}},
      {"poll", {SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6}, {ENOMEM, EPERM, EINTR}},
      {"epoll_wait", {SYS_epoll_wait, SYS_epoll_pwait, SYS_epoll_pwait2}, {ENOMEM, EPERM, EINTR}},
      {"epoll_ctl", {SYS_epoll_ctl}, {ENOSPC, ENOMEM, EPERM}},
      {"recvfrom", {SYS_recvfrom}, {ENOMEM, EPERM, EINTR}},
      {"recvmsg", {SYS_recvmsg}, {ENOMEM, EPERM, EINTR, EAGAIN}},
      {"sendto", {SYS_sendto}, {ENOMEM, EPERM, EINTR}},
      {"sendmsg", {SYS_sendmsg}, {ENOMEM, EPERM, EINTR, EAGAIN}},
      {"clone", {SYS_clone, SYS_clone3, SYS_fork, SYS_vfork}, {EAGAIN, ENOMEM, EPERM}},
      {"wait", {SYS_wait4, SYS_waitid}, {EINTR, ENOMEM, EPERM}},
      {"read", {SYS_read}, {ENOMEM, EINTR, EAGAIN}, true},
      {"pidfd_open", {SYS_pidfd_open}, {ENOMEM, EMFILE, EPERM}},
      {"pidfd_send_signal", {SYS_pidfd_send_signal}, {EPERM, ENOMEM}},
      {"shutdown", {SYS_shutdown}, {ENOMEM, EPERM}, true},
      {"io_uring_enter", {SYS_io_uring_enter}, {EINTR, EAGAIN, ENOMEM}},
  };
#if !defined(TESTBED_SANITIZES_THREAD) && !defined(TESTBED_SANITIZES_ADDRESS)
  all.push_back({"mmap", {SYS_mmap}, {ENOMEM}, true});
  all.push_back({"mprotect", {SYS_mprotect}, {ENOMEM}, true});
#endif
  return all;
}

/// When the call fails.
enum class When {
  first_of_all,      ///< the first one of its kind that the program makes
  second_of_all,     ///< the second
  first_when_ready,  ///< the first after the server has begun to listen
};

struct Case {
  std::vector<unsigned> calls;
  int error;
  int count;
  When when;
  std::string text;
};

/// The port of the line "listening ADDR:PORT...", or 0.
std::uint16_t port_of(const std::string& line) {
  constexpr std::string_view begin = "listening 127.0.0.1:";
  std::uint16_t port = 0;
  if (line.starts_with(begin))
    std::from_chars(line.data() + begin.size(), line.data() + line.size(), port);
  return port;
}

/// Whether a byte is echoed within a moment: the failure may have ended the connection.
bool echoes_a_byte(std::uint16_t port) {
  const echo::Endpoint where = echo::resolve("127.0.0.1", port).front();
  const echo::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  ::connect(socket.get(), where.data(), where.size());  // loopback: complete when it returns
  char byte = 'x';
  ::send(socket.get(), &byte, 1, MSG_NOSIGNAL);
  pollfd entry{socket.get(), POLLIN, 0};
  return ::poll(&entry, 1, 50) == 1 && ::recv(socket.get(), &byte, 1, 0) == 1;
}

bool has_block(const std::string& text) {
  return text.starts_with("EXITING\nresident ") && text.find("\nNow: ") != std::string::npos;
}

/// Runs the server with one failing call and stops it with two signals, the second if the first
/// does not suffice within a second. Returns what was wrong with its end, or "".
std::string run(const std::vector<std::string>& words, const Case& one) {
  programs::FailingCall failing{one.calls, one.error, one.count};
  if (one.when != When::first_when_ready) failing.arm(one.when == When::second_of_all ? 1 : 0);
  std::optional<programs::Process> process;
  const bool filtered = failing.start([&] {
    // In its own process group: a kill(0, ...) must not reach this program.
    process.emplace(words, programs::Stdout::read, [] {
      ::setpgid(0, 0);
      ::setenv("ASAN_OPTIONS", "detect_leaks=0",
               1);  // the search for leaks needs the failing calls
    });
  });
  if (!filtered) return "the filter is refused";
  const std::string first_line = process->next_error_line();
  const std::uint16_t port = port_of(first_line);
  bool echoed = false;
  if (port > 0) {
    if (one.when == When::first_when_ready) failing.arm();
    for (int i = 0; i < 2; ++i) echoed = echoes_a_byte(port) || echoed;
    process->signal(SIGTERM);
    if (!process->ends_within(1000)) process->signal(SIGTERM);
  }
  auto ended = process->wait();
  if (port == 0) ended.err.insert(0, first_line + "\n");
  const std::string end = "code " + std::to_string(ended.code) + ", \"" + ended.err + "\"";
  if (ended.code == 0 || ended.code == echo::exit_signal + SIGTERM)
    return has_block(ended.out) ? "" : "no exit block: " + end;
  const bool documented = ended.code == echo::exit_refused || ended.code == echo::exit_network ||
                          ended.code == echo::exit_internal;
  if (!documented) return end;
  if (std::count(ended.err.begin(), ended.err.end(), '\n') != 1) return "not one line: " + end;
  return !echoed || has_block(ended.out) ? "" : "no exit block after an echo: " + end;
}

/// Runs the cases side by side: most of their time is spent waiting.
void expect_all_to_end(const server::Model& model, const std::vector<Case>& cases) {
  const auto& threads = echo_threads::models();
  const bool blocking = std::find(threads.begin(), threads.end(), &model) != threads.end();
  std::vector<std::string> words{blocking ? "echo_threads" : "echo_async", "--port", "0", "--model",
                                 std::string{model.name}};
  std::mutex mutex;
  std::size_t next = 0;
  const auto work = [&] {
    for (;;) {
      const Case* one = nullptr;
      {
        const std::lock_guard lock(mutex);
        if (next == cases.size()) return;
        one = &cases[next++];
      }
      const std::string wrong = run(words, *one);
      const std::lock_guard lock(mutex);
      EXPECT_EQ(wrong, "") << one->text;
    }
  };
  constexpr int side_by_side = 8;
  std::vector<std::thread> workers;
  for (int i = 0; i < side_by_side; ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
}

TEST_P(EveryModel, StopsOnSignalsWhicheverSystemCallHasFailedOnce) {
#if defined(TESTBED_SANITIZES_THREAD) || defined(TESTBED_SANITIZES_ADDRESS)
  GTEST_SKIP() << "a fork of a sanitized process stops the thread that answers the filter";
#endif
  std::vector<Case> cases;
  std::size_t turn = std::string_view{GetParam()->name}.size();  // other errors for other models
  for (const Kind& kind : kinds()) {
    for (const auto& [when, text] : {std::pair{When::first_of_all, "first of all"},
                                     std::pair{When::second_of_all, "second of all"},
                                     std::pair{When::first_when_ready, "first when ready"}}) {
      if (kind.only_later && when != When::first_when_ready) continue;
      const int error = kind.errors[turn++ % kind.errors.size()];
      cases.push_back({kind.calls, error, 1, when,
                       std::string{kind.name} + ", " + text + ": " + ::strerrorname_np(error)});
    }
  }
  expect_all_to_end(*GetParam(), cases);
}

TEST_P(EveryModel, StopsOnSignalsWhileEachAcceptFails) {
#if defined(TESTBED_SANITIZES_THREAD) || defined(TESTBED_SANITIZES_ADDRESS)
  GTEST_SKIP() << "a fork of a sanitized process stops the thread that answers the filter";
#endif
  std::vector<Case> cases;
  for (const int error : {EPERM, ECONNABORTED, ENOMEM, EMFILE}) {
    cases.push_back({{SYS_accept, SYS_accept4},
                     error,
                     programs::FailingCall::each,
                     When::first_of_all,
                     ::strerrorname_np(error)});
  }
  expect_all_to_end(*GetParam(), cases);
}

}  // namespace
}  // namespace conformance
