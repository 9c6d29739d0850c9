// client: N concurrent connections to an echo server, every byte verified. Try: ./client --help

#include <optional>
#include <string_view>

#include "client/findings/conclusion.hpp"
#include "client/program/command.hpp"
#include "client/program/framed_run.hpp"
#include "client/program/outputs.hpp"
#include "client/report/merge.hpp"
#include "client/run/calibrate.hpp"
#include "client/run/load.hpp"
#include "echo/exit_code.hpp"
#include "echo/output/result_writer.hpp"
#include "echo/stop.hpp"

namespace {

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
  const std::optional<client::Command> command =
      client::read_command({"client", summary, examples, client::refuse_in_a_frame}, argc, argv);
  if (!command) return echo::exit_pass;
  if (command->options.frames) return client::run_framed(*command);
  const client::Options options = client::options_of(command->options, command->options.share);
  client::Outputs outputs{options};
  // Before anything that may wait: a name server, a busy /proc, a server that does not answer.
  const client::Nanoseconds begun = client::now();
  client::raise_limits(options);
  echo::Stop stop;
  std::optional<echo::SignalWatch> signals;
  client::watch_signals(signals, stop, client::drain_after_signal, options);
  client::Result result = options.calibrate
                              ? client::calibrate(options, stop, begun)
                              : client::run_load(options, stop, begun, &outputs.lines);
  result.signal = signals->signal();
  result.shown_options = client::shown_options(*command, result.options);
  result.arguments = command->arguments;
  result.exit_code = client::exit_code_of(result);
  return client::report(result, outputs, {result.exit_code, stop, *signals});
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("client", run, argc, argv);
}
