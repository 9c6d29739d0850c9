#include "echo/stop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace echo {
namespace {

/// One hangup may send SIGHUP twice: the shell passes it on to its jobs, and the kernel sends it
/// when the shell, as leader of the session, ends. Within this time a second one is the same
/// hangup.
constexpr std::chrono::milliseconds same_hangup{200};
/// After a system call of the watch that failed.
constexpr std::chrono::milliseconds pause_after_failure{10};

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Descriptor make_eventfd() {
  Descriptor fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd) fail("eventfd");
  return fd;
}

/// A write that fails would lose the stop, so it is repeated, a bounded number of times.
void raise_event(int fd) {
  const std::uint64_t one = 1;
  for (int tries = 0; tries < 100; ++tries) {
    if (::write(fd, &one, sizeof one) == ssize_t{sizeof one}) return;
    if (errno == EAGAIN)
      return;  // the counter is full: the descriptor is readable, which is enough
  }
}

bool is_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  // One that fails says nothing about the stop. Bounded: a filter may refuse each call.
  for (int tries = 0; tries < 100; ++tries) {
    if (const int ready = ::poll(&entry, 1, 0); ready >= 0) return ready == 1;
    if (errno != EINTR) pause_after_failed_wait();
  }
  return false;
}

/// Whether SIGHUP was ignored when the program started, as nohup(1) arranges it.
bool hangup_is_ignored() {
  struct sigaction inherited {};
  return ::sigaction(SIGHUP, nullptr, &inherited) == 0 && inherited.sa_handler == SIG_IGN;
}

/// SIGINT is among them even if it was ignored at the start, as a shell without job control does
/// for a command behind `&`: `kill -INT` then still stops the program.
sigset_t stop_signals(int another) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (!hangup_is_ignored()) sigaddset(&set, SIGHUP);
  if (another != 0) sigaddset(&set, another);
  return set;
}

}  // namespace

void pause_after_failed_wait() {
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
}

Stop::Stop() : drain_(make_eventfd()), force_(make_eventfd()) {}

bool Stop::draining() const {
  return drain_requested_ || is_readable(drain_.get());
}
bool Stop::forced() const {
  return force_requested_ || is_readable(force_.get());
}
void Stop::request_drain() {
  drain_requested_ = true;
  raise_event(drain_.get());
}
void Stop::request_force() {
  force_requested_ = true;
  drain_requested_ = true;
  raise_event(force_.get());
  raise_event(drain_.get());
}

SignalWatch::SignalWatch(Stop& stop, std::chrono::nanoseconds drain_timeout, int another)
    : stop_(stop), drain_timeout_(drain_timeout), done_(make_eventfd()) {
  const sigset_t set = stop_signals(another);
  // Threads inherit the signal mask, so a mask set before any other thread starts applies to all.
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    errno = error;
    fail("pthread_sigmask");
  }
  ::signal(SIGPIPE, SIG_IGN);
  signals_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) fail("signalfd");
  thread_ = std::thread([this] { watch(); });
}

SignalWatch::~SignalWatch() {
  finish();
}

void SignalWatch::finish() {
  if (!thread_.joinable()) return;
  finishing_ = true;
  raise_event(done_.get());
  thread_.join();
}

std::chrono::steady_clock::time_point SignalWatch::signalled_at() const {
  return Clock::time_point{signalled_at_.load()};
}

/// A call that fails (ENOMEM) is repeated after a pause: a watch that ended would leave the program
/// deaf to signals.
void SignalWatch::watch() {
  while (!finishing_) {
    int timeout_ms = -1;
    if (force_at_ != Clock::time_point::max()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(force_at_ - Clock::now()).count();
      if (left <= 0) {
        if (!drained_) stop_.request_force();
        force_at_ = Clock::time_point::max();
        continue;
      }
      timeout_ms = static_cast<int>(left);
    }
    pollfd entries[2] = {{done_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    const bool waited = ::poll(entries, 2, timeout_ms) >= 0 || errno == EINTR;
    if (!read_signals() || !waited) std::this_thread::sleep_for(pause_after_failure);
  }
}

/// Reads all pending signals. Returns false if reading failed.
bool SignalWatch::read_signals() {
  signalfd_siginfo info{};
  ssize_t got = 0;
  while ((got = ::read(signals_.get(), &info, sizeof info)) == ssize_t{sizeof info})
    on_signal(static_cast<int>(info.ssi_signo));
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

void SignalWatch::on_signal(int number) {
  const Clock::time_point at = Clock::now();
  last_ = number;
  if (signal_ == 0) {
    signalled_at_ = at.time_since_epoch();
    signal_ = number;
    stop_.request_drain();
    // A drain of more than a day has no practical limit; the bound keeps the sum below from
    // overflowing.
    force_at_ = at + std::min<std::chrono::nanoseconds>(drain_timeout_, std::chrono::hours{24});
    return;
  }
  if (number == SIGHUP && signal_ == SIGHUP && at - signalled_at() < same_hangup) return;
  stop_.request_force();
  force_at_ = Clock::time_point::max();
}

}  // namespace echo
