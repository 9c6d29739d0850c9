// Simulated work per message: what a handler costs beside the echo.
//
// An echo server does nothing between recv and send, and so flatters every model. --work cpu:50us
// computes for so long on each message, --work sleep:5ms waits as for a database. Computing is a
// number of steps of one dependent chain, counted once at the start so that they take that long:
// a clock read in each message would cost more than a small figure itself. Waiting is the model's
// business: it blocks a thread and suspends a coroutine, and that is what it is there to show.
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
  /// "none", "cpu:50us", "sleep:5ms". Throws std::invalid_argument with what is allowed. Counting
  /// the steps of "cpu" takes a few milliseconds.
  static Work parse(std::string_view text);
  static constexpr std::string_view allowed = "none, cpu:TIME or sleep:TIME, such as cpu:50us";

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::chrono::nanoseconds amount() const { return amount_; }
  /// Whether each reply is to be held back for amount(), without keeping a thread busy.
  [[nodiscard]] bool sleeps() const { return kind_ == Kind::sleep; }
  /// Computes, if that is the work. For models that suspend what sleeps.
  void compute() const {
    if (steps_ > 0) take_steps(steps_);
  }
  /// The whole of the work on this thread: computes, or sleeps. For models that block.
  void perform() const;
  /// As one would type it.
  [[nodiscard]] std::string text() const;

 private:
  static void take_steps(std::uint64_t steps);
  static double steps_per_nanosecond();

  Kind kind_ = Kind::none;
  std::chrono::nanoseconds amount_{};
  std::uint64_t steps_ = 0;
};

}  // namespace server
