// Where the results of a client go.
#pragma once

#include "client/options/options.hpp"
#include "client/result/result.hpp"
#include "echo/output/line_output.hpp"
#include "echo/output/output.hpp"
#include "echo/output/result_writer.hpp"

namespace client {

/// From the deadline until the results are complete.
inline constexpr std::chrono::seconds for_the_results{1};

struct Outputs {
  /// Throws echo::Exit(exit_usage) for a place that cannot be written, or is given twice.
  explicit Outputs(const Options& options);
  /// Whether stdout has the text report.
  [[nodiscard]] bool leave_stdout_to_text() const {
    return !json.is_stdout() && !hgrm.is_stdout() && !series.is_stdout();
  }
  echo::Output json, hgrm, series;
  echo::LineOutput lines{series};
};

/// Writes the outputs that have an option: --hgrm, --series, and --json last.
void write_outputs(const Result& result, Outputs& outputs, echo::ResultWriter& results);

/// Writes every output of the run. Returns the exit code.
int report(const Result& result, Outputs& outputs, echo::ResultWriter results);

}  // namespace client
