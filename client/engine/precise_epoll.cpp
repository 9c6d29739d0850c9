#include "client/engine/precise_epoll.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

namespace client {
namespace {

/// Epoll index of the timer; a loop has fewer connections than that.
constexpr std::uint32_t timer_index = std::numeric_limits<std::uint32_t>::max() - 2;

timespec timespec_of(std::chrono::nanoseconds time) {
  return {time.count() / 1'000'000'000, time.count() % 1'000'000'000};
}

[[noreturn]] void fail(const char* call) {
  throw std::system_error(errno, std::generic_category(), call);
}

}  // namespace

PreciseEpoll::PreciseEpoll() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) fail("epoll_create1");
}

void PreciseEpoll::watch(int fd, std::uint32_t events, std::uint32_t index) {
  if (try_watch(fd, events, index) != 0) fail("epoll_ctl");
}

int PreciseEpoll::wait(std::span<epoll_event> events, std::chrono::nanoseconds timeout) {
  if (timer_) return wait_by_timer(events, timeout);
  const timespec time = timespec_of(timeout);
  const int count =
      ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &time, nullptr);
  if (count >= 0) return count;
  if (errno == EINTR) return 0;
  // Seccomp filters return either of these; epoll_pwait2 itself returns neither.
  if (errno != ENOSYS && errno != EPERM) fail("epoll_pwait2");
  use_timer();
  return wait_by_timer(events, timeout);
}

void PreciseEpoll::use_timer() {
  timer_ = echo::Descriptor{::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)};
  if (!timer_) fail("timerfd_create");
  watch(timer_.get(), EPOLLIN | EPOLLET, timer_index);
}

int PreciseEpoll::wait_by_timer(std::span<epoll_event> events, std::chrono::nanoseconds timeout) {
  const bool waits = timeout.count() > 0;
  if (waits) {  // setting it again also clears an expiration
    const itimerspec once{{}, timespec_of(timeout)};
    if (::timerfd_settime(timer_.get(), 0, &once, nullptr) != 0) fail("timerfd_settime");
  }
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), waits ? -1 : 0);
  if (count < 0 && errno == EINTR) return 0;
  if (count < 0) fail("epoll_wait");
  const auto found = events.first(static_cast<std::size_t>(count));
  const auto rest = std::remove_if(found.begin(), found.end(), [](const epoll_event& event) {
    return event.data.u32 == timer_index;
  });
  return static_cast<int>(rest - found.begin());
}

}  // namespace client
