// An epoll whose wait is as exact as the kernel's timers: nanoseconds, not epoll_wait's
// milliseconds.
//
// epoll_pwait2(2) takes a timespec. It is of Linux 5.11, and sandboxes (seccomp filters of older
// containers, valgrind) know it later than the kernel does; where it is refused, a timerfd among
// the descriptors gives the same exactness for one system call more per wait.
#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <span>

#include "echo/descriptor.hpp"

namespace client {

class PreciseEpoll {
 public:
  /// Throws std::system_error, as all below.
  PreciseEpoll();

  /// `index` comes back in the event's data.u32.
  void watch(int fd, std::uint32_t events, std::uint32_t index);

  /// Like epoll_wait(2). How many of `events` were filled; 0 when `timeout` is over, or a signal
  /// came.
  int wait(std::span<epoll_event> events, std::chrono::nanoseconds timeout);

  /// From now on by the timer, whatever the kernel can do.
  void use_timer();
  [[nodiscard]] bool uses_timer() const { return static_cast<bool>(timer_); }

 private:
  int wait_by_timer(std::span<epoll_event> events, std::chrono::nanoseconds timeout);

  echo::Descriptor epoll_;
  echo::Descriptor timer_;  ///< where epoll_pwait2 is refused
};

}  // namespace client
