#include "server/options.hpp"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>

#include "echo/options.hpp"
#include "server/protocol_options.hpp"

namespace server {
namespace {

void add_keepalive(CLI::App& app, echo::Keepalive& keepalive) {
  constexpr std::uint64_t most_probes = 127;  // MAX_TCP_KEEPCNT
  app.add_flag(
      "--keepalive", keepalive.on,
      "Set SO_KEEPALIVE: probe silent peers (tcp(7)), with the kernel's intervals unless given");
  echo::add_duration(app, "--keepalive-idle", keepalive.idle, "Silence before the first probe");
  echo::add_duration(app, "--keepalive-interval", keepalive.interval, "Time between two probes");
  echo::add_count(app, "--keepalive-count", keepalive.count,
                  "Unanswered probes that end a connection", {1, most_probes});
}

void add_work(CLI::App& app, Work& work) {
  app.add_option_function<std::string>(
         "--work",
         [&work](const std::string& text) {
           try {
             work = Work::parse(text);
           } catch (const std::invalid_argument& error) {
             throw CLI::ValidationError("--work", error.what());
           }
         },
         "Simulated work per message: " + std::string(Work::allowed))
      ->default_str("none")
      ->type_name("WORK");
}

void add_socket_options(CLI::App& app, echo::SocketOptions& socket) {
  app.add_flag("--nodelay,!--no-nodelay", socket.nodelay, "Set TCP_NODELAY on each connection")
      ->default_str("true");
  add_keepalive(app, socket.keepalive);
  constexpr echo::Range buffer{1, 1ULL << 30U};
  echo::add_size(app, "--rcvbuf", socket.buffers.receive, "SO_RCVBUF of each connection", buffer);
  echo::add_size(app, "--sndbuf", socket.buffers.send, "SO_SNDBUF of each connection", buffer);
  echo::add_duration(app, "--idle-timeout", socket.idle_timeout,
                     "Close a connection whose peer has sent nothing, or not read, for this long");
}

}  // namespace

void add_common_options(CLI::App& app, ServerOptions& options, const std::string& models,
                        const std::string& default_model) {
  app.add_option("--model")
      ->description("Concurrency model: " + models)
      ->expected(1)
      ->default_str(default_model)
      ->type_name("NAME");
  app.add_flag("--list-models")->description("Print the models, one per line, and exit");
  app.add_option("-p,--port", options.port, "Listen port; 0: any free port, which is printed")
      ->default_val(options.port)
      ->check(CLI::Range(0, 65535))
      ->type_name("PORT");
  app.add_option("--bind", options.bind,
                 "Listen address; one outside loopback needs --allow-public")
      ->default_val(options.bind)
      ->type_name("ADDR");
  app.add_option(
         "--backlog", options.backlog,
         "Connections that may wait to be accepted (the kernel caps it at net.core.somaxconn)")
      ->default_val(options.backlog)
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
  echo::add_count(app, "--max-connections", options.max_connections,
                  "Largest number of open connections; more are accepted and closed immediately",
                  {1});
  echo::add_duration(
      app, "--drain-timeout", options.drain_timeout,
      "Time that open connections may take to finish after SIGINT, SIGTERM or SIGHUP", true);
  echo::add_size(app, "--buffer-size", options.buffer_size, "Read buffer: largest bytes per read",
                 {1, 64ULL << 20U});
  add_socket_options(app, options.socket);
  add_work(app, options.work);
  add_protocol_options(app, options);
  echo::add_cpus(app, options.cpus,
                 "Processors to run on, such as 0,2-3; assigned to workers in turn");
  echo::add_output(app, "--json", options.json,
                   "Write the report as JSON to this file; -: to stdout, in place of the text");
  echo::add_duration(app, "--stats", options.stats,
                     "Interval of status lines on stderr: connections, messages, CPU per worker");
  app.add_option("--ready-fd", options.ready_fd,
                 "Write the port and a newline to this descriptor once listening")
      ->check(CLI::NonNegativeNumber)
      ->type_name("FD");
  app.add_flag("--allow-public", options.allow_public,
               "Allow --bind outside loopback: a public echo service is a reflection hazard");
}

CLI::Option* add_workers(CLI::App& app, std::uint64_t& workers, const std::string& what) {
  return echo::add_count(app, "-w,--workers", workers, what, {1, 4096});
}

std::uint64_t usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<std::uint64_t>(std::max(CPU_COUNT(&set), 1));
}

}  // namespace server
