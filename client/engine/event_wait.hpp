// Waits for the events of a loop: those of its connections, and of the run's stop. It sleeps in
// epoll, or polls where a sleep would take longer than the wait.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "client/connection/connection.hpp"
#include "client/engine/precise_epoll.hpp"
#include "client/schedule/plan.hpp"
#include "echo/stop.hpp"

namespace client {

class EventWait {
 public:
  /// Indices of the stop's descriptors; connections have smaller ones.
  static constexpr std::uint32_t drain_index = Connection::none;
  static constexpr std::uint32_t force_index = Connection::none - 1;
  /// Events that one wait returns at most.
  static constexpr std::size_t capacity = 512;

  explicit EventWait(const echo::Stop& stop);

  /// Registers `fd`, edge-triggered; its events have `index`. Returns 0 or errno.
  [[nodiscard]] int watch(int fd, std::uint32_t events, std::uint32_t index) {
    return epoll_.try_watch(fd, events | EPOLLET, index);
  }
  /// The same for one that is registered: what is ready now is reported again.
  [[nodiscard]] int watch_again(int fd, std::uint32_t events, std::uint32_t index) {
    return epoll_.watch_again(fd, events | EPOLLET, index);
  }
  /// Waits from `at` until `until`, or for an event. The events are valid until the next call.
  std::span<const epoll_event> wait(Nanoseconds at, Nanoseconds until);
  /// Returns the events that are there, without waiting.
  std::span<const epoll_event> ready() { return fill(Nanoseconds{0}); }
  /// Whether the last wait was a poll that found no event.
  [[nodiscard]] bool polled_in_vain() const { return polled_in_vain_; }

 private:
  std::span<const epoll_event> fill(Nanoseconds timeout) {
    const int count = epoll_.wait(events_, timeout);
    return {events_.data(), static_cast<std::size_t>(count > 0 ? count : 0)};
  }

  PreciseEpoll epoll_;
  std::array<epoll_event, capacity> events_;  ///< written by the kernel
  bool polled_in_vain_ = false;
};

}  // namespace client
