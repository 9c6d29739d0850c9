#include "limits/verify/confined_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>

namespace limits {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void run_and_end(const std::function<Finding()>& probe, int to_parent, pid_t parent,
                              std::chrono::milliseconds at_most) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const pid_t now = ::getppid();
  if (now != parent && now != 0) ::_exit(1);  // 0: it is in an outer pid namespace
  // A change of the user clears PR_SET_PDEATHSIG; this stays.
  ::alarm(static_cast<unsigned>(std::chrono::ceil<std::chrono::seconds>(at_most).count()) + 1);
  Finding finding;
  try {
    finding = probe();
  } catch (const std::exception& error) {
    finding = not_verified(error.what());
  }
  // Shorter than PIPE_BUF: written as a whole.
  const bool written = ::write(to_parent, &finding, sizeof finding) == sizeof finding;
  ::_exit(written ? 0 : 1);  // no destructor: threads may still run
}

/// Reads a whole Finding; false at the end of the pipe before that, or when the time is over.
bool read_finding(int from_child, Clock::time_point give_up_at, Finding& finding, bool& timed_out) {
  pollfd entry{from_child, POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up_at - Clock::now());
    timed_out = left.count() <= 0;
    if (timed_out) return false;
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready > 0) return ::read(from_child, &finding, sizeof finding) == sizeof finding;
    if (ready < 0 && errno != EINTR) return false;
  }
}

int reap(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

Finding in_child(const std::function<Finding()>& probe, std::chrono::milliseconds at_most) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return not_verified(std::string("pipe: ") + std::strerror(errno));
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    run_and_end(probe, ends[1], parent, at_most);
  }
  const int error = errno;
  ::close(ends[1]);
  Finding finding;
  bool timed_out = false;
  const bool whole = child > 0 && read_finding(ends[0], Clock::now() + at_most, finding, timed_out);
  ::close(ends[0]);
  if (child < 0) return not_verified(std::string("fork: ") + std::strerror(error));
  ::kill(child, SIGKILL);  // it may hold thousands of threads; it is not reaped yet
  const int status = reap(child);
  if (whole) return finding;
  if (timed_out) {
    return not_verified("not reached within " + std::to_string(at_most.count()) + " ms");
  }
  if (WIFSIGNALED(status))
    return not_verified("its process ended by signal " + std::to_string(WTERMSIG(status)));
  return not_verified("its process ended early");
}

}  // namespace limits
