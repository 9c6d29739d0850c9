// client: N concurrent connections to an echo server, every byte verified. Try: ./client --help

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#include "client/findings/conclusion.hpp"
#include "client/options/command_line.hpp"
#include "client/report/merge.hpp"
#include "client/report/present.hpp"
#include "client/run/calibrate.hpp"
#include "client/run/load.hpp"
#include "echo/describe.hpp"
#include "echo/exit_code.hpp"
#include "echo/hgrm.hpp"
#include "echo/options.hpp"
#include "echo/output/line_output.hpp"
#include "echo/output/output.hpp"
#include "echo/output/result_writer.hpp"
#include "echo/report.hpp"
#include "echo/stop.hpp"
#include "limits/rlimit.hpp"

namespace {

/// Where the results go.
struct Outputs {
  explicit Outputs(const client::Options& options)
      : json("--json", options.json),
        hgrm("--hgrm", options.hgrm),
        series("--series", options.series) {
    echo::refuse_shared_outputs({&json, &hgrm, &series});
  }
  /// Whether stdout has the text report.
  [[nodiscard]] bool leave_stdout_to_text() const {
    return !json.is_stdout() && !hgrm.is_stdout() && !series.is_stdout();
  }
  echo::Output json, hgrm, series;
  echo::LineOutput lines{series};
};

/// From the deadline until the results are complete.
constexpr std::chrono::seconds for_the_results{1};

/// Writes every output of the run. Returns the exit code.
int report(const client::Result& result, Outputs& outputs, echo::ResultWriter results) {
  results.complete_by(std::chrono::steady_clock::time_point{result.deadline_at + for_the_results});
  if (outputs.leave_stdout_to_text()) results.write_text(client::text_of(result));
  results.attempt([&] {
    if (!outputs.hgrm.is_wanted()) return;
    outputs.hgrm.write(echo::hgrm_of(result.tally.measured.latency),
                       results.patience_for(outputs.hgrm));
  });
  results.attempt([&] { outputs.lines.finish(results.patience_for(outputs.series)); });
  results.attempt([&] {
    if (!outputs.json.is_wanted()) return;
    outputs.json.write(echo::text_of_document(client::json_of(result, results.code())),
                       results.patience_for(outputs.json));
  });
  return results.finish();
}

/// Those of the command line, with what was chosen in place of "auto" or nothing.
boost::json::object shown_options(const CLI::App& app, const client::Options& options) {
  boost::json::object shown = echo::options_to_json(app);
  if (options.seed) shown["seed"] = std::to_string(*options.seed);
  if (options.tables) shown["tables"] = std::to_string(*options.tables);
  shown["protocol"] = client::name_of(options.protocol());  // a URL decides it too
  shown["receive-lateness"] = options.measures_receive_lateness() ? "always" : "never";
  return shown;
}

constexpr std::string_view summary =
    "holds N connections to an echo or HTTP server and verifies every byte that comes back";

constexpr const char* examples =
    "Examples:\n"
    "  client -n 10000                                   burst: one message per connection\n"
    "  client -n 1000 --mode stream -d 10 --warmup 1     closed loop: each message waits for the "
    "last echo\n"
    "  client -n 1000 --mode stream -R 5000 -d 10        open loop: latency from the due time\n"
    "  client -n 1000 --find-rate 'p99<5ms'              the highest rate that holds the "
    "objective\n"
    "  client -n 100 --mode churn -d 10                  connect, echo, close, repeat\n"
    "  client http://127.0.0.1:8080/ -n 100 --mode stream      GET, keep-alive; status and "
    "length "
    "checked\n"
    "  client --protocol http localhost:1234 -n 100            POST /echo, every byte verified\n"
    "  client merge A.json B.json                        merge the reports of several runs\n"
    "Terms: docs/terminology.md. Exit: 0 pass, 1 failures, 2 usage, 3 a limit, 4 network, 5 "
    "deadline";

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "merge")
    return client::run_merge({argv + 2, argv + argc});
  client::Options options;
  CLI::App app{"client: " + std::string(summary), "client"};
  echo::use_plain_help(app);
  echo::add_program_flags(app);
  client::declare(app, options);
  app.footer(examples);
  const std::vector<std::string> arguments = client::modernised(argc, argv);
  std::vector<std::string> reversed(arguments.rbegin(),
                                    arguments.rend());  // the order that CLI11 expects
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return echo::exit_pass;
  }

  if (echo::print_requested(app, "client", summary, "client")) return echo::exit_pass;

  client::check(options);
  Outputs outputs{options};
  // Before anything that may wait: a name server, a busy /proc, a server that does not answer.
  const client::Nanoseconds begun = client::now();
  // Before the first thread: in a process with threads the kernel waits for all processors to grow
  // the table (expand_fdtable() in fs/file.c).
  limits::raise_open_files(limits::unlimited);
  limits::reserve_descriptor_table(std::min<std::uint64_t>(options.connections, 1'000'000) + 64 +
                                   options.threads);
  echo::Stop stop;
  std::optional<echo::SignalWatch> signals;
  try {
    signals.emplace(stop, client::drain_after_signal);
  } catch (const std::system_error&) {
    client::check_limits(options);  // names the limit, if it is one
    throw;
  }
  client::Result result = options.calibrate
                              ? client::calibrate(options, stop, begun)
                              : client::run_load(options, stop, begun, &outputs.lines);
  result.signal = signals->signal();
  result.shown_options = shown_options(app, result.options);
  result.arguments = arguments;
  result.exit_code = client::exit_code_of(result);
  return report(result, outputs, {result.exit_code, stop, *signals});
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("client", run, argc, argv);
}
