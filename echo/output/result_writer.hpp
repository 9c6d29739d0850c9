// Writes the results of a run, one output after the other, and keeps the exit code that they leave.
//
// An output that fails does not keep the others from being written. The text comes first and the
// document last, so that the document has the exit code with which the program ends.
//
// The readers of all pipes and devices have one time together, which bounds the end of a program
// however slowly each of them reads, and however many there are. A reader of stdout may be a pager:
// the wait for it is not part of that time.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "echo/exit_code.hpp"
#include "echo/output/output.hpp"
#include "echo/output/writer.hpp"
#include "echo/stop.hpp"

namespace echo {

class ResultWriter {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds longest_time{10};
  static constexpr std::chrono::milliseconds least_time{250};

  /// Of a program that a signal ends by its default action. `code`: the exit code of the run.
  explicit ResultWriter(int code) : code_(code) {}
  ResultWriter(int code, const Stop& stop, const SignalWatch& signals)
      : code_(code), stop_(&stop), signals_(&signals) {}
  /// Of a server, which a signal has stopped already: another one interrupts it.
  static ResultWriter after_a_stop(int code, const Stop& stop, const SignalWatch& signals) {
    ResultWriter results{code, stop, signals};
    results.is_stopped_ = true;
    return results;
  }

  /// The readers have until `end`, but `least_time` at least: what they take at once is not lost.
  void complete_by(Clock::time_point end);

  /// Calls `write`. An Exit that it throws is kept.
  template <typename Write>
  void attempt(Write write) {
    waits_for_reader_ = false;
    const Clock::time_point began = Clock::now();
    try {
      write();
    } catch (const Exit& failure) {
      keep(failure);
    }
    if (waits_for_reader_) take_off(Clock::now() - began);
  }
  void write_text(std::string_view text);
  /// For the write of the current attempt. Of stdout: as long as its reader takes, unless a signal
  /// arrives or has already stopped the run. Of a pipe or a device: its reader must take something
  /// each second, and all of them have `longest_time` together.
  [[nodiscard]] Patience patience_for(const Output& output);
  /// The same for what a program reads from stdout: as for a pipe, and the first signal of a run
  /// does not end it.
  [[nodiscard]] Patience patience_for_program();

  [[nodiscard]] bool has_failed() const { return failure_.has_value(); }
  /// The exit code, after what was written so far: a signal before a failed output before the run.
  [[nodiscard]] int code() const;
  /// Returns code(), or throws it with the line of the first failure.
  int finish() const;

 private:
  [[nodiscard]] Patience for_stdout();
  [[nodiscard]] Patience for_pipe();
  void take_off(std::chrono::nanoseconds waited);
  void keep(const Exit& failure);

  int code_;
  const Stop* stop_ = nullptr;
  const SignalWatch* signals_ = nullptr;
  std::chrono::nanoseconds time_left_ = longest_time;  ///< of the readers
  bool waits_for_reader_ = false;                      ///< the current attempt takes of it
  bool is_stopped_ = false;                            ///< by a signal, as intended
  std::optional<Exit> failure_;                        ///< the first one
  bool interrupted_ = false;                           ///< a signal ended a wait
};

}  // namespace echo
