// When to open the next connection. Pure: it counts and is told the time; the caller owns the
// sockets.
//
// Connects in flight are bounded by a window, so that a silent server costs one window of timeouts
// and not N. On one machine an accepted connect is answered at once and the window never fills. It
// fills when SYNs are dropped: the accept queue overflowed, and the kernel sends each again after 1
// s, all in step. To go on at full speed would then lose most of the rest as well (Python's
// asyncio, which queues 100, served 8,129 of 10,000 so). So a full window that stays unanswered is
// set aside, the server has had a moment to accept, and the next one is half as large; where
// answers merely take long, it grows. This is TCP's own answer to loss, one floor up.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace client {

class Ramp {
 public:
  using Nanoseconds = std::chrono::nanoseconds;

  static constexpr std::uint64_t first_window = 128;
  static constexpr std::uint64_t least_window = 16;
  /// In flight at most, those set aside included.
  static constexpr std::uint64_t most_in_flight = 4096;
  /// How long a full window may stay without an answer. A local server accepts 100 in less.
  static constexpr std::chrono::milliseconds patience{20};

  /// `total` connects, of which `at_once` could stand at one time; unset: all.
  explicit Ramp(std::uint64_t total, std::optional<std::uint64_t> at_once = std::nullopt)
      : total_(total), opening_(std::min({first_window, total, at_once.value_or(total)})) {}

  /// How many connects may be started at `now`.
  [[nodiscard]] std::uint64_t room(Nanoseconds now);
  /// When to ask again although nothing was answered; nullopt: no need to.
  [[nodiscard]] std::optional<Nanoseconds> next_look() const;

  void started() { ++started_; }
  void established();
  void failed();
  void timed_out();

  [[nodiscard]] std::uint64_t in_flight() const { return started_ - established_ - failed_; }
  [[nodiscard]] std::uint64_t not_attempted() const { return total_ - started_; }
  [[nodiscard]] std::uint64_t window() const { return window_; }
  /// The whole first window timed out, and nothing else ever happened.
  [[nodiscard]] bool hopeless() const;
  /// Each connect that will be started has succeeded or failed.
  [[nodiscard]] bool finished() const;

 private:
  void answered();

  std::uint64_t total_;
  std::uint64_t opening_;  ///< as many before the first answer
  std::uint64_t window_ = first_window;
  std::uint64_t aside_ = 0;  ///< in flight, presumed dropped, not counted against the window
  std::uint64_t started_ = 0;
  std::uint64_t established_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t timed_out_ = 0;
  std::optional<Nanoseconds> full_since_;  ///< the window has been full, and unanswered, since then
};

}  // namespace client
