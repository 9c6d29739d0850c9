#include "client/engine/event_wait.hpp"

#include <sched.h>

namespace client {
namespace {

/// A wait shorter than this is spent polling. To sleep and wake up takes as much CPU as to poll for
/// this long (measured at one message each 25 us: 35 us per echo asleep, 38 awake), and makes the
/// next message some 25 us late on a virtual machine. With polling the next message is on time, and
/// an echo is seen when it comes. After a poll without events the loop yields the processor to
/// other threads (sched_yield(2), https://man7.org/linux/man-pages/man2/sched_yield.2.html): the
/// kernel places the server that a message wakes on its sender's processor, because it expects the
/// sender to sleep.
constexpr std::chrono::microseconds busy_poll_below{30};

}  // namespace

// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): the kernel writes events_
EventWait::EventWait(const echo::Stop& stop) {
  epoll_.watch(stop.drain_fd(), EPOLLIN | EPOLLET, drain_index);
  epoll_.watch(stop.force_fd(), EPOLLIN | EPOLLET, force_index);
}

std::span<const epoll_event> EventWait::wait(Nanoseconds at, Nanoseconds until) {
  const bool soon = until - at < busy_poll_below;
  const std::span<const epoll_event> events = fill(soon ? Nanoseconds{0} : until - at);
  polled_in_vain_ = soon && events.empty();
  if (polled_in_vain_ && until > at) ::sched_yield();
  return events;
}

}  // namespace client
