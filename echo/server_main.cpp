#include "echo/server_main.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdio>

#include "echo/exit_code.hpp"
#include "echo/options.hpp"
#include "echo/report.hpp"
#include "limits/preflight.hpp"
#include "limits/quantity.hpp"

namespace echo {
namespace {

namespace json = boost::json;
using Models = std::span<const Model* const>;

std::string names_of(Models models) {
  std::string names;
  for (const Model* model : models) names += (names.empty() ? "" : ", ") + std::string(model->name);
  return names;
}

/// --model is read first: it decides which options there are.
const Model& chosen_model(const char* program, Models models, int argc, char** argv) {
  CLI::App first{program};
  first.set_help_flag();
  first.allow_extras();
  std::string name{models.front()->name};
  first.add_option("--model", name);
  first.parse(argc, argv);
  for (const Model* model : models) {
    if (model->name == name) return *model;
  }
  throw CLI::ValidationError("--model", "\"" + name + "\" is not one of: " + names_of(models));
}

void add_common_options(CLI::App& app, ServerOptions& options, Models models) {
  app.add_option("--model")
      ->description("How connections are served: " + names_of(models))
      ->expected(1)
      ->default_str(std::string(models.front()->name))
      ->type_name("NAME");
  app.add_flag("--list-models")->description("Print the models, a line each, and exit");
  app.add_option("-p,--port", options.port, "Port to listen on; 0: any free one, printed")
      ->default_val(options.port)
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT");
  app.add_option("--bind", options.bind,
                 "Address to listen on; outside loopback needs --allow-public")
      ->default_val(options.bind)
      ->type_name("ADDR");
  app.add_option(
         "--backlog", options.backlog,
         "Connections that may wait to be accepted (the kernel caps it at net.core.somaxconn)")
      ->default_val(options.backlog)
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  add_count(app, "--max-connections", options.max_connections,
            "Accept and close at once what goes beyond", {1});
  add_duration(app, "--drain-timeout", options.drain_timeout,
               "After SIGINT or SIGTERM: how long open connections may take to finish", true);
  add_size(app, "--buffer-size", options.buffer_size, "Bytes read at once, a connection",
           {1, 64ULL << 20U});
  app.add_flag("--nodelay,!--no-nodelay", options.nodelay, "TCP_NODELAY on each connection")
      ->default_str("true");
  constexpr Range socket_buffer{1, 1ULL << 30U};
  add_size(app, "--rcvbuf", options.socket_buffers.receive, "SO_RCVBUF of each connection",
           socket_buffer);
  add_size(app, "--sndbuf", options.socket_buffers.send, "SO_SNDBUF of each connection",
           socket_buffer);
  app.add_option("--json", options.json,
                 "Write the report there as JSON; -: to stdout, and nothing else")
      ->type_name("FILE|-");
  app.add_option("--ready-fd", options.ready_fd,
                 "Write the port and a newline there once listening")
      ->check(CLI::NonNegativeNumber)
      ->type_name("FD");
  app.add_flag("--allow-public", options.allow_public,
               "Let --bind leave loopback: an echo service in public is a reflection hazard");
}

/// Says which models take an option that the chosen one does not.
[[noreturn]] void explain_extra(const std::string& argument, const Model& chosen, Models models) {
  const std::string name = argument.substr(0, argument.find('='));
  std::string takers;
  for (const Model* model : models) {
    CLI::App other;
    [[maybe_unused]] const Configured keep = model->configure(other);
    if (other.get_option_no_throw(name) != nullptr) {
      takers += (takers.empty() ? "" : ", ") + std::string(model->name);
    }
  }
  if (takers.empty()) throw CLI::ValidationError(argument, "no such option or argument");
  throw CLI::ValidationError(
      name, "model " + std::string(chosen.name) + " does not take it; these do: " + takers);
}

Endpoint bind_address(const ServerOptions& options) {
  const std::vector<Endpoint> found = [&options] {
    try {
      return resolve(options.bind, options.port);
    } catch (const std::runtime_error& error) {
      throw Exit(exit_network, error.what());
    }
  }();
  const Endpoint& where = found.front();
  if (!where.is_loopback() && !options.allow_public) {
    throw Exit(exit_safety,
               where.text() +
                   " is not loopback: an echo service in public is a reflection hazard; "
                   "--allow-public if you mean it");
  }
  return where;
}

Listeners listen_or_exit(const Endpoint& where, const ServerOptions& options, unsigned count) {
  try {
    return {where, options.backlog, count, options.socket_buffers};
  } catch (const std::system_error& error) {
    throw Exit(exit_network, error.what());
  }
}

/// Refuses what cannot work; tells how many connections there is room for.
std::string check_limits(const Configured& configured, const ServerOptions& options) {
  const limits::Ceilings ceilings = limits::read_ceilings(limits::Kernel{});
  const std::uint64_t asked = options.max_connections.value_or(1);
  const auto verdicts = limits::preflight({configured.demand(options, asked)}, ceilings,
                                          static_cast<std::uint64_t>(options.backlog));
  if (const limits::Verdict* refusal = limits::first_refusal(verdicts)) {
    throw Exit(exit_refused, limits::refusal_line(*refusal));
  }
  for (const limits::Verdict& verdict : verdicts) {
    if (!verdict.bites_at || *verdict.bites_at == 0) continue;
    return fmt::format("room for {} connections (then {}: {})",
                       limits::format_count(*verdict.bites_at - 1), verdict.name, verdict.source);
  }
  return "";
}

void tell_ready(const ServerOptions& options, const Endpoint& where, const std::string& room) {
  if (options.ready_fd >= 0) {
    const std::string line = std::to_string(where.port()) + "\n";
    if (::write(options.ready_fd, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      throw Exit(exit_usage,
                 "--ready-fd " + std::to_string(options.ready_fd) + ": cannot be written to");
    }
    ::close(options.ready_fd);
  }
  const std::string ready =
      fmt::format("listening {}{}{}\n", where.text(), room.empty() ? "" : ", ", room);
  std::fputs(ready.c_str(), stderr);  // fmt::print would throw where stderr is closed
}

/// What the server measured, for both ways out.
struct Outcome {
  const Model& model;
  const Protocol& protocol;
  const Counters& counters;
  limits::Usage usage;
  std::chrono::nanoseconds drain{};
  json::object options;
};

std::string text_of(const Outcome& outcome) {
  const Counters& counters = outcome.counters;
  // The first five lines are those of the program that this one descends from, byte for byte.
  std::string text = fmt::format("EXITING\nresident {}K\nMax conc: {}\nTotal: {}\nNow: {}\n",
                                 outcome.usage.peak_rss.value_or(0) / 1024, counters.max_open(),
                                 counters.accepted(), counters.open());
  text += fmt::format("model: {}\nechoed: {} messages, {} bytes\n", outcome.model.name,
                      counters.messages(), counters.bytes());
  for (std::size_t i = 0; i < shed_causes; ++i) {
    const auto cause = static_cast<Shed>(i);
    if (const auto n = counters.shed_count(cause); n > 0)
      text += fmt::format("shed {}: {}\n", name_of(cause), n);
  }
  return text;
}

json::value json_of(const Outcome& outcome) {
  const Counters& counters = outcome.counters;
  json::object shed;
  for (std::size_t i = 0; i < shed_causes; ++i) {
    const auto cause = static_cast<Shed>(i);
    if (const auto n = counters.shed_count(cause); n > 0) shed[name_of(cause)] = n;
  }
  json::array workers;
  for (unsigned i = 0; i < counters.workers(); ++i) {
    const WorkerCounts& worker = counters.worker(i);
    workers.push_back(json::object{{"id", i},
                                   {"accepted", worker.accepted.load()},
                                   {"messages", worker.messages.load()},
                                   {"bytes", worker.bytes.load()}});
  }
  return json::object{
      {"schema", schema_name},
      {"model", outcome.model.name},
      {"protocol", outcome.protocol.name()},
      {"options", outcome.options},
      {"connections", json::object{{"accepted", counters.accepted()},
                                   {"closed", counters.closed()},
                                   {"open_at_stop", counters.open()},
                                   {"max_concurrent", counters.max_open()},
                                   {"shed", shed}}},
      {"messages", json::object{{"count", counters.messages()}, {"bytes", counters.bytes()}}},
      {"workers", workers},
      {"memory", to_json(outcome.usage, std::nullopt)},
      {"drain_ns", outcome.drain.count()},
      {"environment", environment()},
      {"warnings", json::array{}}};
}

}  // namespace

int server_main(const char* name, Models models, int argc, char** argv) {
  const Model& model = chosen_model(name, models, argc, argv);
  CLI::App app{fmt::format("{}: a TCP echo server, model {}: {}", name, model.name, model.summary),
               name};
  use_plain_help(app);
  ServerOptions options;
  add_common_options(app, options, models);
  const Configured configured = model.configure(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    write_text(app.help());
    return exit_pass;
  } catch (const CLI::ExtrasError&) {
    explain_extra(app.remaining(true).front(), model, models);
  }
  if (app.get_option("--list-models")->count() > 0) {
    std::string list;
    for (const Model* each : models) list += fmt::format("{:<22} {}\n", each->name, each->summary);
    write_text(list);
    return exit_pass;
  }
  if (configured.check) configured.check(options);

  const Endpoint where = bind_address(options);
  limits::raise_open_files(limits::unlimited);
  const std::string room = check_limits(configured, options);

  // Without a limit of its own a server is given room for 65,536, at 8 B of kernel memory each.
  limits::reserve_descriptor_table(options.max_connections.value_or(65'472) + 64);
  Stop stop;
  SignalWatch signals{stop, options.drain_timeout};
  Counters counters{configured.workers};
  Listeners listeners = listen_or_exit(where, options, configured.listeners);
  const EchoProtocol protocol;
  tell_ready(options, listeners.where(), room);

  configured.serve(Serving{options, listeners, protocol, stop, counters});

  const auto drained_at = std::chrono::steady_clock::now();
  signals.finish();
  const Outcome outcome{model,
                        protocol,
                        counters,
                        limits::read_usage({::getpid()}, limits::Detail::quick),
                        drained_at - signals.signalled_at(),
                        options_to_json(app)};
  if (!options.json.empty()) write_document(options.json, json_of(outcome));
  if (options.json != "-") write_text(text_of(outcome));
  return stop.forced() ? exit_signal + signals.signal() : exit_pass;
}

}  // namespace echo
