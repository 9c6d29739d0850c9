#include "echo/stop.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace echo {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

Descriptor make_eventfd() {
  Descriptor fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!fd) fail("eventfd");
  return fd;
}

void raise_event(int fd) {
  const std::uint64_t one = 1;
  // EAGAIN means that the counter is full: the descriptor is readable, which is enough.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
}

bool is_readable(int fd) {
  pollfd entry{fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

Stop::Stop() : drain_(make_eventfd()), force_(make_eventfd()) {}

bool Stop::draining() const {
  return is_readable(drain_.get());
}
bool Stop::forced() const {
  return is_readable(force_.get());
}
void Stop::request_drain() {
  raise_event(drain_.get());
}
void Stop::request_force() {
  raise_event(force_.get());
  raise_event(drain_.get());
}

SignalWatch::SignalWatch(Stop& stop, std::chrono::nanoseconds drain_timeout)
    : stop_(stop), drain_timeout_(drain_timeout), done_(make_eventfd()) {
  const sigset_t set = stop_signals();
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
  raise_event(done_.get());
  thread_.join();
}

void SignalWatch::watch() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point force_at = Clock::time_point::max();
  for (;;) {
    int timeout_ms = -1;
    if (force_at != Clock::time_point::max()) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(force_at - Clock::now()).count();
      if (left <= 0) {
        stop_.request_force();
        force_at = Clock::time_point::max();
        continue;
      }
      timeout_ms = static_cast<int>(left);
    }
    pollfd entries[2] = {{done_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
    if (::poll(entries, 2, timeout_ms) < 0 && errno != EINTR) return;
    if (entries[0].revents != 0) return;
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == ssize_t{sizeof info}) {
      if (signal_ == 0) {
        signal_ = static_cast<int>(info.ssi_signo);
        signalled_at_ = Clock::now();
        stop_.request_drain();
        // A drain of more than a day has no practical limit; the bound keeps the sum below from
        // overflowing.
        force_at = signalled_at_ +
                   std::min<std::chrono::nanoseconds>(drain_timeout_, std::chrono::hours{24});
      } else {
        stop_.request_force();
        force_at = Clock::time_point::max();
      }
    }
  }
}

}  // namespace echo
