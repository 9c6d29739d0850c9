// limits: which limit of this machine N connections hit first, and the command that lifts it.
//
// Computes for a server and the client on one machine unless --ends is given. The demand of the
// server's model comes from the server itself (model_demand.hpp). It changes nothing. Exit code: 0
// all suffice, 3 one does not, 2 usage, 7 output or no server found. --verify reaches limits in
// confined children (verify/): 0 all are where they are computed, 1 one is not. `limits watch PID`
// is apart from all that: what a server uses, for a client on another machine (process_watch.hpp).
//
// Try: limits -n 10000; limits -n 1M --model io-uring; (ulimit -n 9000; limits -n 10k)
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/describe.hpp"
#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/output/writer.hpp"
#include "limits/forecast/forecast.hpp"
#include "limits/program/emit.hpp"
#include "limits/program/model_demand.hpp"
#include "limits/program/present.hpp"
#include "limits/program/present_forecast.hpp"
#include "limits/program/process_watch.hpp"
#include "limits/program/verification.hpp"
#include "limits/quantity.hpp"

namespace {

constexpr std::uint64_t loopback_sources = 16'777'214;  // 127.0.0.1 to 127.255.255.254
constexpr std::string_view summary =
    "Which limit of this machine N connections hit first, and the command that lifts it.";

enum class Ends { both, server, client };

struct Options {
  std::uint64_t connections = 10'000;
  std::string model = "thread-per-connection";
  std::optional<std::uint64_t> stack_size;
  Ends ends = Ends::both;
  bool json = false;
  bool explain = false;
  bool verify = false;
  std::optional<limits::EmitTo> emit;
  std::vector<std::string> server_options;

  [[nodiscard]] bool has_server() const { return ends != Ends::client; }
  [[nodiscard]] bool has_client() const { return ends != Ends::server; }
  /// The options of the server, without --model.
  [[nodiscard]] std::vector<std::string> words() const {
    std::vector<std::string> words;
    if (stack_size) words = {"--stack-size", std::to_string(*stack_size)};
    words.insert(words.end(), server_options.begin(), server_options.end());
    return words;
  }
};

void declare(CLI::App& app, Options& options) {
  echo::add_count(app, "-n,--connections", options.connections, "Number of connections", {1});
  app.add_option("--model", options.model, "Model of the server, any of echo_threads or echo_async")
      ->type_name("NAME")
      ->capture_default_str();
  echo::add_size(app, "-s,--stack-size", options.stack_size, "The server's --stack-size", {1});
  echo::add_choice(app, "--ends", "The ends that run on this machine", {"both", "server", "client"},
                   [&options](std::size_t index) { options.ends = static_cast<Ends>(index); });
  auto* json = app.add_flag("--json", options.json, "Print one JSON document instead of the table");
  app.add_option_function<std::string>(
         "--emit",
         [&options](const std::string& text) {
           const std::vector<std::string> words{"systemd", "limits.d", "sysctl.d"};
           const auto found = std::find(words.begin(), words.end(), text);
           if (found == words.end()) {
             throw CLI::ValidationError("--emit",
                                        "\"" + text + "\": systemd, limits.d or sysctl.d");
           }
           options.emit = static_cast<limits::EmitTo>(found - words.begin());
         },
         "Print the settings that are needed, to paste into a unit or a file")
      ->type_name("systemd|limits.d|sysctl.d")
      ->excludes(json);
  echo::add_flag(app, "--explain", options.explain,
                 "Below the table: how each limit shows, and who may lift it")
      ->excludes(json)
      ->excludes("--emit");
  echo::add_flag(app, "--verify", options.verify,
                 "Reach the limits that can be reached in confined processes, and compare")
      ->excludes("--emit")
      ->excludes("--explain");
  app.add_option("server_options", options.server_options,
                 "Options of the server, after --, such as -- --workers 64")
      ->type_name("OPTION");
}

/// Joins -n with its value: "-n=10" then means 10, and "-n -1" is a wrong count and not an option
/// called -1.
std::vector<std::string> reworded(int argc, char** argv) {
  std::vector<std::string> words;
  bool for_server = false;
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    for_server = for_server || word == "--";
    if (!for_server && word == "-n" && i + 1 < argc) {
      word = std::string("--connections=") + argv[++i];
    } else if (!for_server && word.starts_with("-n=")) {
      word.replace(0, 2, "--connections");
    }
    words.push_back(std::move(word));
  }
  return {words.rbegin(), words.rend()};  // CLI11 parses a vector from its end
}

/// The question as text: the command of the server, and the client.
std::string asked(const Options& options, const std::string& program) {
  std::string text;
  if (options.has_server()) {
    text += program + " --model " + options.model;
    for (const std::string& word : options.words()) text += " " + word;
  }
  if (options.has_client())
    text += text.empty() ? "the client, over loopback" : " and the client, over loopback";
  return text;
}

/// Throws CLI::ValidationError for options that contradict each other.
void check(const CLI::App& app, const Options& options) {
  constexpr std::array<std::string_view, 7> own{
      "--model", "--max-connections", "--help", "-h", "--version", "--describe", "--list-models"};
  for (const std::string& word : options.server_options) {
    const std::string name = word.substr(0, word.find('='));
    if (std::find(own.begin(), own.end(), name) != own.end()) {
      throw CLI::ValidationError("server_options", name + ": limits sets it, or has its own");
    }
  }
  if (options.verify) {
    for (const char* name : {"--connections", "--model", "--stack-size", "--ends"}) {
      if (app.get_option(name)->count() > 0)
        throw CLI::ValidationError("--verify", std::string("not with ") + name +
                                                   ": it reaches limits, whatever needs them");
    }
    if (!options.server_options.empty())
      throw CLI::ValidationError("--verify", "not with options of a server");
  }
  const bool about_server = app.get_option("--model")->count() > 0 || !options.words().empty();
  if (!options.has_server() && about_server) {
    throw CLI::ValidationError("--ends",
                               "client: without --model, --stack-size and server options");
  }
}

/// Reaches limits instead of computing those of a number of connections.
int verify(const Options& options) {
  const std::vector<limits::Verification> found = limits::verify_limits();
  echo::write_text(options.json ? limits::as_json(found) : limits::as_table(found));
  return limits::all_agree(found) ? echo::exit_pass : echo::exit_fail;
}

int answer(const Options& options) {
  limits::Demands demands;
  std::string program;
  std::uint64_t backlog = 0;
  if (options.has_server()) {
    const limits::ModelDemand model = limits::Servers::beside_this_program().demand_of(
        options.model, options.connections, options.words());
    program = model.program;
    backlog = model.backlog;
    demands.push_back({options.connections, model.traits});
  }
  if (options.has_client()) {
    demands.push_back({options.connections, limits::client_traits(), true, loopback_sources});
  }
  if (options.emit) {  // a raised limit needs no further tables
    for (limits::Demand& demand : demands) demand.traits.most_tables = demand.traits.least_tables;
  }
  const limits::Ceilings ceilings = limits::read_ceilings(limits::Kernel{});
  const auto verdicts = limits::preflight(demands, ceilings, backlog);
  const limits::Question question{options.connections, options.model, asked(options, program)};
  if (options.emit) {
    echo::write_text(limits::emit(*options.emit, question, verdicts, ceilings));
    return limits::has_unliftable(verdicts) ? echo::exit_refused : echo::exit_pass;
  }
  for (limits::Demand& demand : demands) {
    demand = demand.divided(ceilings.descriptors_of_a_table());
  }
  const limits::Forecast forecast = limits::forecast_of(
      demands, limits::SlabObjects::of_this_kernel(), limits::send_fragment_bytes());
  const auto explained = options.explain ? limits::Explain::all : limits::Explain::low;
  echo::write_text(options.json
                       ? limits::as_json(question, verdicts, limits::forecast_json(forecast))
                       : limits::as_table(question, verdicts, explained) +
                             limits::forecast_table(forecast));
  return limits::first_refusal(verdicts) == nullptr ? echo::exit_pass : echo::exit_refused;
}

int run(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "watch")
    return limits::run_watch({argv + 2, argv + argc});
  Options options;
  CLI::App app{std::string(summary), "limits"};
  echo::use_plain_help(app);
  echo::add_program_flags(app);
  declare(app, options);
  try {
    app.parse(reworded(argc, argv));
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return echo::exit_pass;
  }
  if (echo::print_requested(app, "limits", summary, "")) return echo::exit_pass;
  check(app, options);
  return options.verify ? verify(options) : answer(options);
}

}  // namespace

int main(int argc, char** argv) {
  return echo::guarded_main("limits", run, argc, argv);
}
