#include "server/server_main.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "echo/describe.hpp"
#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/output/output.hpp"
#include "echo/output/result_writer.hpp"
#include "echo/output/writer.hpp"
#include "echo/report.hpp"
#include "limits/rlimit.hpp"
#include "limits/usage.hpp"
#include "server/program/describe.hpp"
#include "server/program/startup.hpp"
#include "server/program/tables.hpp"
#include "server/protocol_options.hpp"
#include "server/report.hpp"
#include "server/series.hpp"

namespace server {
namespace {

constexpr std::string_view summary = "a TCP echo server with several concurrency models";

/// Parses --model first, because it decides which options exist.
const Model& chosen_model(const char* program, Models models, const Model& default_model, int argc,
                          char** argv) {
  CLI::App first{program};
  first.set_help_flag();
  first.allow_extras();
  std::string name{default_model.name};
  first.add_option("--model", name);
  first.parse(argc, argv);
  for (const Model* model : models) {
    if (model->name == name) return *model;
  }
  throw CLI::ValidationError("--model", "\"" + name + "\" is not one of: " + names_of(models));
}

/// Throws the error that names the models which take an option that the chosen one does not.
[[noreturn]] void explain_extra(const std::string& argument, const Model& chosen, Models models) {
  const std::string name = argument.substr(0, argument.find('='));
  const std::string takers = names_of(models_with(name, models));
  if (takers.empty()) throw CLI::ValidationError(argument, "no such option or argument");
  throw CLI::ValidationError(
      name, "model " + std::string(chosen.name) + " does not take it; these do: " + takers);
}

/// What the command line of a server asks for.
struct Request {
  const char* name;
  Models models;
  const std::vector<echo::Library>& libraries;
  const Model& model;
  const Model& default_model;
  const CLI::App& app;
  const Configured& configured;
  const ServerOptions& options;
};

/// Returns whether the line was parsed; otherwise the help was printed.
bool parse(CLI::App& app, int argc, char** argv, const Model& model, Models models) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return false;
  } catch (const CLI::ExtrasError&) {
    explain_extra(app.remaining(true).front(), model, models);
  }
  return true;
}

/// Prints the list of models, the version or the description. Returns whether one was requested.
/// The description is refused, as the run would be, for options that cannot work.
bool print_requested(const Request& request) {
  if (request.app.get_option("--list-models")->count() > 0) {
    std::string list;
    for (const Model* each : request.models)
      list += fmt::format("{:<22} {}\n", each->name, each->summary);
    echo::write_text(list);
    return true;
  }
  if (echo::asks_for_version(request.app)) {
    echo::write_text(echo::version_text(request.name, request.libraries));
    return true;
  }
  if (request.configured.check) request.configured.check(request.options);
  if (!echo::asks_for_description(request.app)) return false;
  echo::write_text(echo::text_of_document(
      describe(request.name, summary, request.models,
               {request.model, request.default_model, request.configured, request.options},
               request.libraries)));
  return true;
}

/// Serves until the stop. Returns what the model threw, if it did.
std::exception_ptr run_model(const Configured& configured, const Serving& serving,
                             std::optional<Tables>& tables) {
  try {
    tables ? tables->serve() : configured.serve(serving);
  } catch (const std::exception&) {
    return std::current_exception();
  }
  return nullptr;
}

/// Writes the reports. `failure` is reported all the same: what was served is not lost.
int write_results(const ServerResult& result, echo::Output& json, const std::exception_ptr& failure,
                  echo::ResultWriter results) {
  if (failure) {
    results.attempt([&failure] {
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        throw echo::Exit(echo::exit_internal, error.what());
      }
    });
  }
  if (!json.is_stdout()) results.write_text(text_of(result));
  results.attempt([&] {
    if (json.is_wanted())
      json.write(echo::text_of_document(to_json(result)), results.patience_for(json));
  });
  return results.finish();
}

/// Listens, serves and reports.
int serve(const Request& request, const std::string& room) {
  const ServerOptions& options = request.options;
  const auto tables = static_cast<unsigned>(options.tables.value_or(1));
  const Shape shape = shape_of_table(request.configured, options);
  // After prepare(), which may start the program again: a FIFO's reader would see its end.
  echo::Output json{"--json", options.json};

  // Without --max-connections: room for 65,536 descriptors, at 8 B of kernel memory per descriptor.
  limits::reserve_descriptor_table(options.max_connections.value_or(65'472) + 64);
  echo::Stop stop;
  echo::SignalWatch signals{stop, options.drain_timeout};
  const echo::Endpoint where = bind_address(options, stop, signals);
  Counters counters{tables * shape.workers};
  ModelMeasurements measurements;
  Listeners listeners = listen_or_exit(where, options, shape.listeners, tables > 1);
  const std::unique_ptr<const protocol::Protocol> protocol = make_protocol(options);
  std::optional<Sampler> sampler;
  if (options.stats || !options.json.empty()) {
    sampler.emplace(counters, options.stats.value_or(std::chrono::seconds{1}),
                    options.stats.has_value());
  }
  const Serving serving{options, listeners, *protocol, options.work, stop, counters, measurements};
  std::optional<Tables> in_tables;
  if (tables > 1) in_tables.emplace(request.model, request.configured, serving, tables);
  report_ready(options, listeners.where(), room);

  const auto began = std::chrono::steady_clock::now();
  const std::exception_ptr failure = run_model(request.configured, serving, in_tables);
  const auto drained_at = std::chrono::steady_clock::now();
  signals.end_drain();
  const bool forced = stop.forced();
  if (sampler) sampler->finish();
  if (failure && counters.accepted() == 0) std::rethrow_exception(failure);  // it did not start
  const ServerResult result{.model = request.model,
                            .protocol = *protocol,
                            .counters = counters,
                            .measurements = measurements,
                            .shape = shape,
                            .tables = tables,
                            .workers = read_workers(counters),
                            .series = sampler ? &sampler->series() : nullptr,
                            .served = drained_at - began,
                            .drain = signals.signal() != 0 ? drained_at - signals.signalled_at()
                                                           : std::chrono::nanoseconds{0},
                            .usage = limits::read_usage({::getpid()}, limits::Detail::quick),
                            .lost_status_lines = sampler ? sampler->lost_status_lines() : "",
                            .options = echo::options_to_json(request.app)};
  // A worker that fails forces the stop too, without a signal.
  const bool by_signal = forced && signals.signal() != 0;
  const int code = by_signal ? echo::exit_signal + signals.signal() : echo::exit_pass;
  return write_results(result, json, failure,
                       echo::ResultWriter::after_a_stop(code, stop, signals));
}

int run_server(const char* name, Models models, const Model& default_model, int argc, char** argv,
               const std::vector<echo::Library>& libraries) {
  const Model& model = chosen_model(name, models, default_model, argc, argv);
  CLI::App app{fmt::format("{}: a TCP echo server, model {}: {}", name, model.name, model.summary),
               name};
  echo::use_plain_help(app);
  echo::add_program_flags(app);
  ServerOptions options;
  add_common_options(app, options, names_of(models), std::string(default_model.name));
  const Configured configured = configure(model, app, options);
  if (!parse(app, argc, argv, model, models)) return echo::exit_pass;
  complete_protocol_options(app, options);
  const Request request{name, models, libraries, model, default_model, app, configured, options};
  if (print_requested(request)) return echo::exit_pass;
  check_ready_fd(options.ready_fd);
  const std::uint64_t open_files = limits::raise_open_files(limits::unlimited);
  const bool chosen = options.tables || options.max_connections;
  options.tables = tables_for(configured, options, open_files);
  // Nobody asked for 10,000 connections: fewer threads serve fewer.
  if (!chosen && !limits_suffice(configured, options)) options.tables = 1;
  // Before anything takes a thread or memory: only the preflight names the limit that is too low.
  const std::string room = check_limits(configured, options);
  if (configured.prepare) configured.prepare(options);
  pin(options.cpus);
  return serve(request, room);
}

}  // namespace

int server_main(const char* name, Models models, const Model& default_model, int argc, char** argv,
                const std::vector<echo::Library>& libraries) {
  try {
    return run_server(name, models, default_model, argc, argv, libraries);
  } catch (const std::system_error& error) {
    const std::string limits = shortage(error);
    if (limits.empty()) throw;
    throw echo::Exit(echo::exit_refused, std::string(error.what()) + ": " + limits);
  }
}

}  // namespace server
