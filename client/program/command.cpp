#include "client/program/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <system_error>

#include "client/options/command_line.hpp"
#include "echo/describe.hpp"
#include "echo/options.hpp"
#include "echo/output/writer.hpp"
#include "echo/report.hpp"
#include "limits/rlimit.hpp"

namespace client {

std::optional<Command> read_command(const ProgramTexts& texts, int argc, char** argv) {
  Command command;
  CLI::App app{std::string(texts.name) + ": " + std::string(texts.summary), texts.name};
  echo::use_plain_help(app);
  echo::add_program_flags(app);
  declare(app, command.options);
  app.footer(texts.footer);
  command.arguments = modernised(argc, argv);
  std::vector<std::string> reversed(command.arguments.rbegin(),
                                    command.arguments.rend());  // the order that CLI11 expects
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    if (texts.writes) echo::write_text(app.help());
    return std::nullopt;
  }
  if (!texts.writes && (echo::asks_for_version(app) || echo::asks_for_description(app)))
    return std::nullopt;
  if (echo::print_requested(app, texts.name, texts.summary, "client")) return std::nullopt;
  try {
    check(command.options);
  } catch (const echo::Exit& why) {
    if (texts.on_refusal != nullptr) texts.on_refusal(command.options, why);
    throw;
  }
  command.given = echo::options_to_json(app);
  return command;
}

boost::json::object shown_options(const Command& command, const Options& chosen) {
  boost::json::object shown = command.given;
  if (chosen.seed) shown["seed"] = std::to_string(*chosen.seed);
  if (chosen.tables) shown["tables"] = std::to_string(*chosen.tables);
  shown["protocol"] = name_of(chosen.protocol());  // a URL decides it too
  shown["receive-lateness"] = chosen.measures_receive_lateness() ? "always" : "never";
  return shown;
}

void raise_limits(const Options& options) {
  limits::raise_open_files(limits::unlimited);
  limits::reserve_descriptor_table(std::min<std::uint64_t>(options.connections, 1'000'000) + 64 +
                                   options.threads);
}

void watch_signals(std::optional<echo::SignalWatch>& signals, echo::Stop& stop,
                   std::chrono::nanoseconds drain, const Options& options, int another) {
  try {
    signals.emplace(stop, drain, another);
  } catch (const std::system_error&) {
    check_limits(options);  // names the limit, if it is one
    throw;
  }
}

}  // namespace client
