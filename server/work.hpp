// Simulated work per message: the cost of a handler in addition to the echo.
//
// An echo server does nothing between recv and send, which makes every model look better than it is
// with a real handler. --work cpu:50us computes for 50 us per message; --work sleep:5ms waits, as
// for a database. Computing is a number of steps of one dependent chain. The number is calibrated
// once at the start, because reading a clock for each message would cost more than a small amount
// of work. Waiting is left to the model: it blocks a thread or suspends a coroutine, and this
// difference is what sleep shows.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace server {

class Work {
 public:
  enum class Kind { none, cpu, sleep };

  Work() = default;
  /// Parses "none", "cpu:50us", "sleep:5ms". Throws std::invalid_argument that states what is
  /// allowed. Calibrating the steps of "cpu" takes a few milliseconds.
  static Work parse(std::string_view text);
  static constexpr std::string_view allowed = "none, cpu:TIME or sleep:TIME, such as cpu:50us";

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::chrono::nanoseconds amount() const { return amount_; }
  /// Whether each reply is delayed by amount() without keeping a thread busy.
  [[nodiscard]] bool sleeps() const { return kind_ == Kind::sleep; }
  /// For models that suspend a connection instead of sleeping: computes, if there is a message to
  /// work for. True: the connection is to be suspended for amount().
  [[nodiscard]] bool suspends(std::uint32_t messages) const {
    if (kind_ == Kind::none || messages == 0) return false;
    compute();
    return sleeps();
  }
  /// Computes, if the kind is cpu.
  void compute() const {
    if (steps_ > 0) take_steps(steps_);
  }
  /// Does all of the work on this thread: computes or sleeps. For models that block.
  void perform() const {
    if (kind_ != Kind::none) block();
  }
  /// The value for --work, such as "cpu:50000ns".
  [[nodiscard]] std::string text() const;

 private:
  void block() const;
  static void take_steps(std::uint64_t steps);
  static double steps_per_nanosecond();

  Kind kind_ = Kind::none;
  std::chrono::nanoseconds amount_{};
  std::uint64_t steps_ = 0;
};

}  // namespace server
