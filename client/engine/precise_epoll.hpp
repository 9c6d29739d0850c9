// An epoll whose timeout has the resolution of the kernel's timers: nanoseconds instead of
// epoll_wait's milliseconds.
//
// epoll_pwait2(2) (https://man7.org/linux/man-pages/man2/epoll_wait.2.html) takes a timespec. It
// exists since Linux 5.11, but older sandboxes (seccomp filters of containers, valgrind) refuse it.
// In that case a timerfd among the descriptors gives the same resolution for one more system call
// per wait.
#pragma once

#include <sys/epoll.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <span>

#include "echo/descriptor.hpp"

namespace client {

class PreciseEpoll {
 public:
  /// Throws std::system_error, as do the functions below unless they return an error.
  PreciseEpoll();

  /// Registers `fd`. The event's data.u32 contains `index`.
  void watch(int fd, std::uint32_t events, std::uint32_t index);
  /// The same. Returns 0 or errno: ENOSPC when the user has no watch left
  /// (fs.epoll.max_user_watches), ENOMEM.
  [[nodiscard]] int try_watch(int fd, std::uint32_t events, std::uint32_t index) {
    return control(EPOLL_CTL_ADD, fd, events, index);
  }
  /// `fd` is registered: an edge-triggered event that is ready now is reported again. 0 or errno.
  [[nodiscard]] int watch_again(int fd, std::uint32_t events, std::uint32_t index) {
    return control(EPOLL_CTL_MOD, fd, events, index);
  }

  /// Like epoll_wait(2). Returns the number of `events` filled; 0 after `timeout` or a signal.
  int wait(std::span<epoll_event> events, std::chrono::nanoseconds timeout);

  /// Waits with the timer from now on, even if the kernel has epoll_pwait2.
  void use_timer();
  [[nodiscard]] bool uses_timer() const { return static_cast<bool>(timer_); }

 private:
  int control(int operation, int fd, std::uint32_t events, std::uint32_t index) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = index;
    return ::epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
  }
  int wait_by_timer(std::span<epoll_event> events, std::chrono::nanoseconds timeout);

  echo::Descriptor epoll_;
  echo::Descriptor timer_;  ///< empty unless epoll_pwait2 was refused
};

}  // namespace client
