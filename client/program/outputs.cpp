#include "client/program/outputs.hpp"

#include "client/report/present.hpp"
#include "echo/hgrm.hpp"
#include "echo/report.hpp"

namespace client {

Outputs::Outputs(const Options& options)
    : json("--json", options.json),
      hgrm("--hgrm", options.hgrm),
      series("--series", options.series) {
  echo::refuse_shared_outputs({&json, &hgrm, &series});
}

void write_outputs(const Result& result, Outputs& outputs, echo::ResultWriter& results) {
  results.attempt([&] {
    if (!outputs.hgrm.is_wanted()) return;
    outputs.hgrm.write(echo::hgrm_of(result.tally.measured.latency),
                       results.patience_for(outputs.hgrm));
  });
  results.attempt([&] { outputs.lines.finish(results.patience_for(outputs.series)); });
  results.attempt([&] {
    if (!outputs.json.is_wanted()) return;
    outputs.json.write(echo::text_of_document(json_of(result, results.code())),
                       results.patience_for(outputs.json));
  });
}

int report(const Result& result, Outputs& outputs, echo::ResultWriter results) {
  results.complete_by(std::chrono::steady_clock::time_point{result.deadline_at + for_the_results});
  if (outputs.leave_stdout_to_text()) results.write_text(text_of(result));
  write_outputs(result, outputs, results);
  return results.finish();
}

}  // namespace client
