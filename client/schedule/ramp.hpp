// Decides when to open the next connection. Pure: it counts and gets the time as an argument; the
// caller has the sockets.
//
// A window bounds the connects in flight, so that a silent server costs one window of timeouts
// instead of N. On one machine an accepted connect is answered immediately and the window never
// fills. It fills when the accept queue overflows and SYNs are dropped: the kernel sends each again
// after 1 s, all simultaneously. Continuing at full speed would lose most of the rest too (Python's
// asyncio, with a backlog of 100, served 8,129 of 10,000 that way). So a full window without an
// answer is set aside, which gives the server a moment to accept, and the next window is half as
// large. Where answers only take long, the window grows. This is TCP's congestion control
// (https://www.rfc-editor.org/rfc/rfc5681) applied to connects.
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
  /// Maximum number of connects in flight, including those set aside.
  static constexpr std::uint64_t most_in_flight = 4096;
  /// How long a full window may stay without an answer. A local server accepts 100 in less time.
  static constexpr std::chrono::milliseconds patience{20};

  /// `total` connects, of which at most `at_once` can be open simultaneously; unset: all.
  explicit Ramp(std::uint64_t total, std::optional<std::uint64_t> at_once = std::nullopt)
      : total_(total), opening_(std::min({first_window, total, at_once.value_or(total)})) {}

  /// Number of connects that may be started at `now`.
  [[nodiscard]] std::uint64_t room(Nanoseconds now);
  /// When to call room() again even if nothing was answered; nullopt: only after an answer.
  [[nodiscard]] std::optional<Nanoseconds> next_check() const;

  void started() { ++started_; }
  void established();
  void failed();
  void timed_out();
  /// No further connect will be started.
  void end() { total_ = started_; }

  [[nodiscard]] std::uint64_t in_flight() const { return started_ - established_ - failed_; }
  [[nodiscard]] bool any_established() const { return established_ > 0; }
  [[nodiscard]] std::uint64_t not_attempted() const { return total_ - started_; }
  [[nodiscard]] std::uint64_t window() const { return window_; }
  /// Whether the whole first window timed out and nothing else ever happened.
  [[nodiscard]] bool hopeless() const;
  /// Whether each connect that will be started has succeeded or failed.
  [[nodiscard]] bool finished() const;

 private:
  void answered();

  std::uint64_t total_;
  std::uint64_t opening_;  ///< connects allowed before the first answer
  std::uint64_t window_ = first_window;
  std::uint64_t aside_ = 0;  ///< in flight, presumed dropped, not counted in the window
  std::uint64_t started_ = 0;
  std::uint64_t established_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t timed_out_ = 0;
  std::optional<Nanoseconds> full_since_;  ///< the window has been full and unanswered since then
};

}  // namespace client
