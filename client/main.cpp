// client: N concurrent connections to an echo server, every byte verified. Try: ./client --help

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "client/options/options.hpp"
#include "client/report/merge.hpp"
#include "client/report/present.hpp"
#include "client/run/calibrate.hpp"
#include "client/run/load.hpp"
#include "echo/describe.hpp"
#include "echo/exit_code.hpp"
#include "echo/hgrm.hpp"
#include "echo/options.hpp"
#include "echo/report.hpp"
#include "echo/stop.hpp"

namespace {

/// Writes every output of the run. One that fails does not keep the others from being written; the
/// first failure is thrown at the end. Returns the exit code.
int report(const client::Result& result) {
  const client::Options& options = result.options;
  const int code = client::exit_code_of(result);
  std::optional<echo::Exit> failed;
  const auto attempt = [&failed](const auto& write) {
    try {
      write();
    } catch (const echo::Exit& error) {
      if (!failed) failed = error;
    }
  };
  attempt([&] {
    if (!options.json.empty()) echo::write_document(options.json, client::json_of(result));
  });
  attempt([&] {
    if (!options.hgrm.empty())
      echo::write_file(options.hgrm, echo::hgrm_of(result.tally.measured.latency));
  });
  attempt([&] {
    if (result.series_error != 0) {
      throw echo::Exit(echo::exit_internal,
                       "write " + options.series + ": " + std::strerror(result.series_error));
    }
  });
  attempt([&] {
    if (options.json != "-") echo::write_text(client::text_of(result));
  });
  if (!failed) return code;
  // The exit code of a signal takes precedence over that of an output error.
  throw echo::Exit(code >= echo::exit_signal ? code : failed->code(), failed->what());
}

constexpr std::string_view summary =
    "holds N connections to an echo server and verifies every byte that comes back";

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "merge")
    return client::run_merge({argv + 2, argv + argc});
  client::Options options;
  CLI::App app{"client: " + std::string(summary), "client"};
  echo::use_plain_help(app);
  echo::add_program_flags(app);
  client::declare(app, options);
  app.footer(
      "Examples:\n"
      "  client -n 10000                                   burst: one message per connection\n"
      "  client -n 1000 --mode stream -d 10 --warmup 1     closed loop: each message waits for the "
      "last echo\n"
      "  client -n 1000 --mode stream -R 5000 -d 10        open loop: latency from the due time\n"
      "  client -n 1000 --find-rate 'p99<5ms'              the highest rate that holds the "
      "objective\n"
      "  client -n 100 --mode churn -d 10                  connect, echo, close, repeat\n"
      "  client merge A.json B.json                        merge the reports of several runs\n"
      "Terms: docs/terminology.md. Exit: 0 pass, 1 failures, 2 usage, 3 a limit, 4 network, 5 "
      "deadline");
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

  // Before anything that may wait: a name server, a busy /proc, a server that does not answer.
  const client::Nanoseconds begun = client::now();
  echo::Stop stop;
  const echo::SignalWatch signals{stop, client::drain_after_signal};
  client::Result result = options.calibrate ? client::calibrate(options, stop, begun)
                                            : client::run_load(options, stop, begun);
  result.signal = signals.signal();
  result.shown_options = echo::options_to_json(app);
  if (result.options.seed) result.shown_options["seed"] = std::to_string(*result.options.seed);
  result.arguments = arguments;
  return report(result);
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("client", run, argc, argv);
}
