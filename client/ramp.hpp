// When to open the next connection. Pure: it counts, the caller owns sockets and clock.
//
// Connects in flight are bounded, so that a slow or silent server costs one window and not N
// timeouts: if all of the first window time out and nothing was ever established, the rest are not
// attempted. The window is large because a connect whose SYN was dropped (an accept queue that
// overflowed) stays in flight for a second, and must not hold up the others.
#pragma once

#include <cstdint>

namespace client {

class Ramp {
 public:
  static constexpr std::uint64_t default_window = 4096;

  Ramp(std::uint64_t total, std::uint64_t window) : total_(total), window_(window) {}

  /// How many connects may be started now.
  [[nodiscard]] std::uint64_t room() const;
  void started() { ++started_; }
  void established() { ++established_; }
  void failed() { ++failed_; }
  void timed_out() {
    ++failed_;
    ++timed_out_;
  }

  [[nodiscard]] std::uint64_t in_flight() const { return started_ - established_ - failed_; }
  [[nodiscard]] std::uint64_t not_attempted() const { return total_ - started_; }
  /// A whole window timed out, and nothing else ever happened.
  [[nodiscard]] bool hopeless() const;
  /// Each connect that will be started has succeeded or failed.
  [[nodiscard]] bool finished() const;

 private:
  std::uint64_t total_;
  std::uint64_t window_;
  std::uint64_t started_ = 0;
  std::uint64_t established_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t timed_out_ = 0;
};

}  // namespace client
