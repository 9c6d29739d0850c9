// Lines of an output that is written while the run goes on (--series).
//
// A slow reader of a pipe must not delay the run: what it does not take at once is kept, up to a
// bound, and written with the next line. Beyond the bound, whole lines are lost, and counted.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "echo/output/output.hpp"

namespace echo {

class LineOutput {
 public:
  static constexpr std::size_t most_kept = 1U << 20U;  ///< bytes

  /// `output` outlives this object.
  explicit LineOutput(Output& output) : output_(output) {}

  /// Opens the output, and empties a file: not before the run is certain to begin. Does nothing for
  /// an option that was not given. Throws Exit(exit_internal).
  void open();
  [[nodiscard]] bool is_open() const { return writer_.has_value(); }
  /// Writes `line`, which ends with a newline, or keeps it.
  void add(const std::string& line);
  /// Writes what was kept. Throws Exit when a line could not be written.
  void finish(const Patience& patience);

 private:
  void write_kept();

  Output& output_;
  std::optional<Writer> writer_;
  std::string kept_;
  std::uint64_t lost_ = 0;
  int error_ = 0;  ///< errno of the first failed write; nothing is written after it
};

}  // namespace echo
