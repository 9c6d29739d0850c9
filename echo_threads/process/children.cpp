#include "echo_threads/process/children.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "echo_threads/blocking.hpp"

extern "C" {  // missing in the header of glibc 2.36
#include <sys/pidfd.h>
}

namespace echo_threads {
namespace {

constexpr int drain_signal = SIGUSR1;

/// State for the signal handler of a child. A handler receives only the signal's number, so these
/// two are global; only children use them, and a child has one thread.
volatile sig_atomic_t draining = 0;
volatile sig_atomic_t active_connection = -1;

void on_drain(int) {
  const int interrupted = errno;
  draining = 1;
  if (active_connection >= 0) ::shutdown(active_connection, SHUT_RD);
  errno = interrupted;
}

sigset_t only(int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  return set;
}

/// Blocks the drain signal, which children inherit: a signal that arrives before a child has set
/// its handler stays pending until then. Returns the previous mask.
sigset_t block_drain_signal() {
  const sigset_t drain = only(drain_signal);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &drain, &before);
  return before;
}

void close_all_but(std::span<const int> keep) {
  unsigned next = STDERR_FILENO + 1;
  for (const int fd : keep) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next) ::close_range(next, kept - 1, 0);
    next = kept + 1;
  }
  ::close_range(next, ~0U, 0);
}

[[noreturn]] void run_child(pid_t parent, std::initializer_list<int> keep, int handed_over,
                            const std::function<void(int)>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent ended before prctl: no signal will come
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  // Copies of the parent's other connections would stay open here after their processes closed
  // them.
  std::vector<int> own{keep};
  if (handed_over >= 0)
    own.insert(std::upper_bound(own.begin(), own.end(), handed_over), handed_over);
  close_all_but(own);
  ::signal(drain_signal, on_drain);
  const sigset_t drain = only(drain_signal);
  ::sigprocmask(SIG_UNBLOCK, &drain, nullptr);
  try {
    work(handed_over);
  } catch (const std::exception&) {
    ::_exit(1);
  }
  ::_exit(0);  // not exit(3): stdio buffers and atexit functions belong to the parent
}

std::chrono::nanoseconds cpu_of(const rusage& usage) {
  const auto of = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

Children::Children(server::Counters& counters)
    : counters_(counters),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      mask_before_(block_drain_signal()) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Children::~Children() {
  signal_all(SIGKILL);
  for (const auto& [fd, child] : children_) reap_one(child.pid, child.slot);
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

bool Children::start(unsigned slot, std::initializer_list<int> keep,
                     const std::function<void(int)>& work, echo::Descriptor& handed_over) {
  const pid_t parent = ::getpid();
  const pid_t pid = fork_server_.fork(
      keep, handed_over.get(), [&](int connection) { run_child(parent, keep, connection, work); });
  if (pid < 0) return false;
  handed_over.reset();
  if (watch(pid, slot)) return true;
  ::kill(pid, SIGKILL);
  reap_one(pid, slot);
  return false;
}

bool Children::watch(pid_t pid, unsigned slot) {
  echo::Descriptor pidfd{::pidfd_open(pid, 0)};
  if (!pidfd) return false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = pidfd.get();
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd.get(), &event) != 0) return false;
  const int key = pidfd.get();
  children_.emplace(key, Child{pid, slot, std::move(pidfd)});
  return true;
}

void Children::reap(const OnExit& on_exit) {
  constexpr int batch = 64;
  epoll_event ready[batch];
  int count = 0;
  do {
    count = ::epoll_wait(epoll_.get(), ready, batch, 0);
    for (int i = 0; i < count; ++i) {
      const int pidfd = ready[i].data.fd;
      // Closing is not enough: a child forked just now may still have a copy, and epoll would go on
      // reporting a descriptor number that is no longer this pidfd (epoll(7), Questions and
      // answers).
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
      const auto ended = children_.extract(pidfd);
      on_exit(reap_one(ended.mapped().pid, ended.mapped().slot));
    }
  } while (count == batch);
}

Children::Ended Children::reap_one(pid_t pid, unsigned slot) {
  rusage usage{};
  int status = 0;
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  // The child called no execve(2), so ru_maxrss, in KiB, is its own VmHWM. It is known for killed
  // children too.
  counters_.child_ended(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  return {slot, cpu_of(usage), killing_ && WIFSIGNALED(status)};
}

void Children::signal_all(int signal) {
  for (const auto& [fd, child] : children_) ::pidfd_send_signal(fd, signal, nullptr, 0);
}

void Children::stop(const echo::Stop& stop, const OnExit& on_exit) {
  const auto wait_and_reap = [&](int force_fd) {
    pollfd entries[2] = {{ended_fd(), POLLIN, 0}, {force_fd, POLLIN, 0}};
    ::poll(entries, 2, -1);
    reap(on_exit);
    return entries[1].revents != 0;
  };
  bool forced = stop.forced();
  if (!forced) signal_all(drain_signal);
  while (count() > 0 && !forced) forced = wait_and_reap(stop.force_fd());
  killing_ = true;
  signal_all(SIGKILL);
  while (count() > 0) wait_and_reap(-1);
}

void serve_in_child(int connection, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker) {
  active_connection = connection;
  if (draining != 0) ::shutdown(connection, SHUT_RD);  // the signal came before the connection
  echo_until_eof(connection, buffer, serving, worker);
  active_connection = -1;
}

}  // namespace echo_threads
