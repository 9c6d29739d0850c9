// Writes the results of a run, one output after the other, and keeps the exit code that they leave.
//
// An output that fails does not keep the others from being written. The text comes first and the
// document last, so that the document has the exit code with which the program ends.
#pragma once

#include <optional>
#include <string_view>

#include "echo/exit_code.hpp"
#include "echo/output/output.hpp"
#include "echo/output/writer.hpp"
#include "echo/stop.hpp"

namespace echo {

class ResultWriter {
 public:
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

  /// Calls `write`. An Exit that it throws is kept.
  template <typename Write>
  void attempt(Write write) {
    try {
      write();
    } catch (const Exit& failure) {
      keep(failure);
    }
  }
  void write_text(std::string_view text);
  /// Of stdout: as long as its reader takes, unless a signal arrives or has already stopped the
  /// run. Of a pipe or a device: its reader must take something each second.
  [[nodiscard]] Patience patience_for(const Output& output) const;

  [[nodiscard]] bool has_failed() const { return failure_.has_value(); }
  /// The exit code, after what was written so far: a signal before a failed output before the run.
  [[nodiscard]] int code() const;
  /// Returns code(), or throws it with the line of the first failure.
  int finish() const;

 private:
  [[nodiscard]] Patience for_stdout() const;
  [[nodiscard]] Patience for_pipe() const;
  void keep(const Exit& failure);

  int code_;
  const Stop* stop_ = nullptr;
  const SignalWatch* signals_ = nullptr;
  bool is_stopped_ = false;      ///< by a signal, as intended
  std::optional<Exit> failure_;  ///< the first one
  bool interrupted_ = false;     ///< a signal ended a wait
};

}  // namespace echo
