#include "echo_threads/process/children.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "echo_threads/blocking.hpp"

extern "C" {  // missing in the header of glibc 2.36
#include <sys/pidfd.h>
}

namespace echo_threads {
namespace {

constexpr int drain_signal = SIGUSR1;
constexpr int force_signal = SIGUSR2;
/// The exit code of a child whose connection a forced stop ended.
constexpr int forced_exit = 2;
/// How long children may take to end after the force signal; then they are killed.
constexpr std::chrono::milliseconds time_to_end{500};
/// A signal that could not be sent is sent again after this time.
constexpr std::chrono::milliseconds resend_after{250};

/// State for the signal handler of a child. A handler receives only the signal's number, so these
/// two are global; only children use them, and a child has one thread.
constexpr int not_stopping = -1;
volatile sig_atomic_t stopping_how = not_stopping;
volatile sig_atomic_t active_connection = -1;

void on_stop(int signal) {
  const int interrupted = errno;
  if (stopping_how != SHUT_RDWR) stopping_how = signal == force_signal ? SHUT_RDWR : SHUT_RD;
  if (active_connection >= 0) ::shutdown(active_connection, stopping_how);
  errno = interrupted;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, drain_signal);
  sigaddset(&set, force_signal);
  return set;
}

/// Blocks the signals of a stop, which children inherit: a signal that arrives before a child has
/// set its handler stays pending until then. Returns the previous mask.
sigset_t block_stop_signals() {
  const sigset_t signals = stop_signals();
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  return before;
}

/// The only call of kill(2): for a child of this process that has not been reaped, so that its
/// number belongs to no other process, and that has no pidfd. Numbers from 0 down would reach whole
/// groups of processes.
void kill_child(pid_t pid) {
  if (pid > 0) ::kill(pid, SIGKILL);
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
  std::array<int, ForkServer::most_kept + 1> own{};  // no vector: there may be no memory
  auto end = std::copy(keep.begin(), keep.end(), own.begin());
  if (handed_over >= 0) *end++ = handed_over;
  std::sort(own.begin(), end);
  close_all_but({own.begin(), end});
  ::signal(drain_signal, on_stop);
  ::signal(force_signal, on_stop);
  const sigset_t signals = stop_signals();
  ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
  try {
    work(handed_over);
  } catch (const std::exception&) {
    ::_exit(1);
  }
  // Not exit(3): stdio buffers and atexit functions belong to the parent.
  ::_exit(stopping_how == SHUT_RDWR ? forced_exit : 0);
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
      mask_before_(block_stop_signals()) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

Children::~Children() {
  signal_all(SIGKILL);
  for (const auto& [fd, child] : children_) kill_and_reap(child.pid, child.slot);
  ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

bool Children::start(unsigned slot, std::initializer_list<int> keep,
                     const std::function<void(int)>& work, echo::Descriptor& handed_over) try {
  const pid_t parent = ::getpid();
  const pid_t pid = fork_server_.fork(
      keep, handed_over.get(), [&](int connection) { run_child(parent, keep, connection, work); });
  if (pid < 0) return false;
  handed_over.reset();
  if (watch(pid, slot)) return true;
  const int error = errno;
  kill_and_reap(pid, slot);
  errno = error;
  return false;
} catch (const std::bad_alloc&) {  // before the fork
  errno = ENOMEM;
  return false;
}

bool Children::watch(pid_t pid, unsigned slot) {
  echo::Descriptor pidfd{::pidfd_open(pid, 0)};
  if (!pidfd) return false;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = pidfd.get();
  const int key = pidfd.get();
  try {
    children_.emplace(key, Child{pid, slot, std::move(pidfd)});
  } catch (const std::bad_alloc&) {
    errno = ENOMEM;
    return false;
  }
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, key, &event) == 0) return true;
  const int error = errno;
  children_.erase(key);
  errno = error;
  return false;
}

void Children::reap(const OnExit& on_exit) {
  constexpr int batch = 64;
  epoll_event ready[batch];
  int count = 0;
  bool all_reaped = true;
  do {
    count = ::epoll_wait(epoll_.get(), ready, batch, 0);
    for (int i = 0; i < count; ++i) {
      const int pidfd = ready[i].data.fd;
      const auto found = children_.find(pidfd);
      if (found == children_.end()) continue;
      const auto ended = try_reap(found->second.pid, found->second.slot);
      if (!ended) {  // wait4 failed; the pidfd stays readable
        all_reaped = false;
        echo::pause_after_failed_wait();
        continue;
      }
      // Closing is not enough: a child forked just now may still have a copy, and epoll would go on
      // reporting a descriptor number that is no longer this pidfd (epoll(7), Questions and
      // answers).
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
      children_.erase(found);
      on_exit(*ended);
    }
  } while (count == batch && all_reaped);
}

std::optional<Children::Ended> Children::try_reap(pid_t pid, unsigned slot) {
  rusage usage{};
  int status = 0;
  const pid_t reaped = ::wait4(pid, &status, WNOHANG, &usage);
  // ECHILD: somebody else has reaped it. It has ended, and how is not known.
  if (reaped == 0 || (reaped < 0 && errno != ECHILD)) return std::nullopt;
  // The child called no execve(2), so ru_maxrss, in KiB, is its own VmHWM. It is known for killed
  // children too.
  counters_.child_ended(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  const bool by_force =
      WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == forced_exit);
  return Ended{slot, cpu_of(usage), killing_ && by_force};
}

void Children::kill_and_reap(pid_t pid, unsigned slot) {
  // Bounded: this process does not wait for a child that the kernel does not end. Such a child ends
  // with this process (PR_SET_PDEATHSIG).
  constexpr int attempts = 1000;
  for (int i = 0; i < attempts; ++i) {
    kill_child(pid);
    if (try_reap(pid, slot)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

void Children::signal_all(int signal) {
  for (const auto& [fd, child] : children_) ::pidfd_send_signal(fd, signal, nullptr, 0);
}

void Children::drain() {
  signal_all(drain_signal);
}

void Children::wait_and_reap(std::chrono::milliseconds most, int or_until, const OnExit& on_exit) {
  pollfd entries[2] = {{ended_fd(), POLLIN, 0}, {or_until, POLLIN, 0}};
  if (::poll(entries, 2, static_cast<int>(most.count())) < 0 && errno != EINTR)
    echo::pause_after_failed_wait();
  reap(on_exit);
}

void Children::stop(const echo::Stop& stop, const OnExit& on_exit) {
  using Clock = std::chrono::steady_clock;
  while (count() > 0 && !stop.forced()) {
    drain();  // again and again, because a signal may not have been sent; it has no further effect
    const auto resend_at = Clock::now() + resend_after;
    while (count() > 0 && !stop.forced() && Clock::now() < resend_at)
      wait_and_reap(resend_after, stop.force_fd(), on_exit);
  }
  killing_ = true;
  const auto kill_at = Clock::now() + time_to_end;
  while (count() > 0) {
    signal_all(Clock::now() < kill_at ? force_signal : SIGKILL);
    const auto resend_at = Clock::now() + resend_after;
    while (count() > 0 && Clock::now() < resend_at) wait_and_reap(resend_after, -1, on_exit);
  }
}

void serve_in_child(int connection, std::span<std::byte> buffer, const server::Serving& serving,
                    unsigned worker) {
  active_connection = connection;
  // A signal that came before the connection.
  if (stopping_how != not_stopping) ::shutdown(connection, stopping_how);
  echo_until_eof(connection, buffer, serving, worker);
  active_connection = -1;
}

bool stop_was_forced_in_child() {
  return stopping_how == SHUT_RDWR;
}

}  // namespace echo_threads
