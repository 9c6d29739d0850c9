#include "server/server_main.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <system_error>

#include "echo/describe.hpp"
#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/output/output.hpp"
#include "echo/output/result_writer.hpp"
#include "echo/output/status_lines.hpp"
#include "echo/output/writer.hpp"
#include "echo/report.hpp"
#include "limits/preflight.hpp"
#include "limits/quantity.hpp"
#include "server/describe.hpp"
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

/// A name server may not answer: a signal ends the wait for it.
echo::Endpoint bind_address(const ServerOptions& options, const echo::Stop& stop,
                            const echo::SignalWatch& signals) {
  const auto found = [&options, &stop] {
    try {
      return echo::resolve(options.bind, options.port, stop,
                           std::chrono::steady_clock::time_point::max());
    } catch (const std::runtime_error& error) {
      throw echo::Exit(echo::exit_network, error.what());
    }
  }();
  if (!found) {
    throw echo::Exit(echo::exit_signal + signals.signal(),
                     "resolve " + options.bind + ": interrupted; nothing was bound");
  }
  const echo::Endpoint& where = found->front();
  if (!where.is_loopback() && !options.allow_public) {
    throw echo::Exit(echo::exit_safety,
                     where.text() +
                         " is not loopback: a public echo service is a reflection hazard; "
                         "give --allow-public to allow it");
  }
  return where;
}

Listeners listen_or_exit(const echo::Endpoint& where, const ServerOptions& options,
                         unsigned count) {
  try {
    return {where, options.backlog, count, options.socket};
  } catch (const std::system_error& error) {
    throw echo::Exit(echo::exit_network, error.what());
  }
}

/// Sets the affinity of the process to `cpus`, before any thread is started; each worker then takes
/// one of them.
void pin(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) return;
  cpu_set_t allowed;
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  for (const unsigned cpu : cpus) {
    if (!CPU_ISSET(cpu, &allowed)) {
      throw CLI::ValidationError("--cpus",
                                 fmt::format("this process may not run on processor {}", cpu));
    }
    CPU_SET(cpu, &wanted);
  }
  ::sched_setaffinity(0, sizeof wanted, &wanted);
}

/// Refuses what cannot work; returns the text about how many connections there is room for.
std::string check_limits(const Configured& configured, const ServerOptions& options) {
  const limits::Ceilings ceilings = limits::read_ceilings(limits::Kernel{});
  const std::uint64_t connections = options.max_connections.value_or(1);
  const auto verdicts = limits::preflight({configured.demand(options, connections)}, ceilings,
                                          static_cast<std::uint64_t>(options.backlog));
  if (const limits::Verdict* refusal = limits::first_refusal(verdicts)) {
    throw echo::Exit(echo::exit_refused, limits::refusal_line(*refusal));
  }
  const auto at_once = configured.shape_of(options).at_once;
  for (const limits::Verdict& verdict : verdicts) {
    if (!verdict.bites_at || *verdict.bites_at == 0) continue;
    if (at_once && *at_once < *verdict.bites_at) break;
    return fmt::format("room for {} connections (then {}: {})",
                       limits::format_count(*verdict.bites_at - 1), verdict.name, verdict.source);
  }
  if (!at_once) return "";
  return fmt::format("serves {} {} at once, further ones wait", limits::format_count(*at_once),
                     *at_once == 1 ? "connection" : "connections");
}

/// Before any other descriptor is opened, which could get that number.
void check_ready_fd(int fd) {
  if (fd < 0) return;
  const int flags = ::fcntl(fd, F_GETFL);
  const std::string name = "--ready-fd " + std::to_string(fd);
  if (flags < 0) throw echo::Exit(echo::exit_usage, name + ": this descriptor is not open");
  if ((flags & O_ACCMODE) == O_RDONLY)
    throw echo::Exit(echo::exit_usage, name + ": this descriptor is open for reading only");
}

void report_ready(const ServerOptions& options, const echo::Endpoint& where,
                  const std::string& room) {
  if (options.ready_fd >= 0) {
    constexpr std::chrono::seconds longest_wait{1};
    const std::string line = std::to_string(where.port()) + "\n";
    if (!echo::Writer::to_shared(options.ready_fd).write_all(line, {longest_wait, longest_wait}))
      echo::fail_to_write("--ready-fd " + std::to_string(options.ready_fd), errno);
    // Its reader may wait for its end. A standard descriptor has another use too.
    if (options.ready_fd > STDERR_FILENO) ::close(options.ready_fd);
  }
  const std::string ready =
      fmt::format("listening {}{}{}\n", where.text(), room.empty() ? "" : ", ", room);
  echo::write_message(ready);
}

/// The limits that an error of the start may come from; "" for another error.
std::string shortage(const std::system_error& error) {
  switch (error.code().value()) {
    case EAGAIN:
      return limits::task_shortage(limits::read_ceilings(limits::Kernel{}));
    case ENOMEM:
      return "memory, address space (RLIMIT_AS) or memory maps (vm.max_map_count)";
    case EMFILE:
    case ENFILE:
      return "open files (RLIMIT_NOFILE) or those of the machine (fs.file-max)";
    default:
      return "";
  }
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
  const Configured configured = model.configure(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    echo::write_text(app.help());
    return echo::exit_pass;
  } catch (const CLI::ExtrasError&) {
    explain_extra(app.remaining(true).front(), model, models);
  }
  if (app.get_option("--list-models")->count() > 0) {
    std::string list;
    for (const Model* each : models) list += fmt::format("{:<22} {}\n", each->name, each->summary);
    echo::write_text(list);
    return echo::exit_pass;
  }
  if (echo::asks_for_version(app)) {
    echo::write_text(echo::version_text(name, libraries));
    return echo::exit_pass;
  }
  if (configured.check) configured.check(options);
  if (echo::asks_for_description(app)) {
    echo::write_text(echo::text_of_document(
        describe(name, summary, models, {model, default_model, configured, options}, libraries)));
    return echo::exit_pass;
  }
  check_ready_fd(options.ready_fd);
  limits::raise_open_files(limits::unlimited);
  const Shape shape = configured.shape_of(options);
  // Before anything takes a thread or memory: only the preflight names the limit that is too low.
  const std::string room = check_limits(configured, options);
  if (configured.prepare) configured.prepare(options);
  pin(options.cpus);
  // After prepare(), which may start the program again: a FIFO's reader would see its end.
  echo::Output json{"--json", options.json};

  // Without --max-connections: room for 65,536 descriptors, at 8 B of kernel memory per descriptor.
  limits::reserve_descriptor_table(options.max_connections.value_or(65'472) + 64);
  echo::Stop stop;
  echo::SignalWatch signals{stop, options.drain_timeout};
  const echo::Endpoint where = bind_address(options, stop, signals);
  Counters counters{shape.workers};
  ModelMeasurements measurements;
  Listeners listeners = listen_or_exit(where, options, shape.listeners);
  const EchoProtocol protocol;
  std::optional<Sampler> sampler;
  if (options.stats || !options.json.empty()) {
    sampler.emplace(counters, options.stats.value_or(std::chrono::seconds{1}),
                    options.stats.has_value());
  }
  report_ready(options, listeners.where(), room);

  const auto began = std::chrono::steady_clock::now();
  std::exception_ptr failure;
  try {
    configured.serve(
        Serving{options, listeners, protocol, options.work, stop, counters, measurements});
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  const auto drained_at = std::chrono::steady_clock::now();
  const bool forced = stop.forced();
  if (sampler) sampler->finish();
  if (failure && counters.accepted() == 0) std::rethrow_exception(failure);  // it did not start
  const ServerResult result{.model = model,
                            .protocol = protocol,
                            .counters = counters,
                            .measurements = measurements,
                            .shape = shape,
                            .workers = read_workers(counters),
                            .series = sampler ? &sampler->series() : nullptr,
                            .served = drained_at - began,
                            .drain = signals.signal() != 0 ? drained_at - signals.signalled_at()
                                                           : std::chrono::nanoseconds{0},
                            .usage = limits::read_usage({::getpid()}, limits::Detail::quick),
                            .lost_status_lines = sampler ? sampler->lost_status_lines() : "",
                            .options = echo::options_to_json(app)};
  // A worker that fails forces the stop too, without a signal.
  const bool by_signal = forced && signals.signal() != 0;
  const int code = by_signal ? echo::exit_signal + signals.signal() : echo::exit_pass;
  auto results = echo::ResultWriter::after_a_stop(code, stop, signals);
  if (failure) {  // reported all the same: what was served is not lost
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
