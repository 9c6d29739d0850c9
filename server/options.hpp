// The options that every model of both servers takes, with the same meaning for each.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "echo/cli_fwd.hpp"
#include "echo/socket.hpp"
#include "protocol/http/settings.hpp"
#include "server/work.hpp"

namespace server {

struct ServerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 1234;
  int backlog = 4096;
  std::optional<std::uint64_t> max_connections;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds{5};
  std::uint64_t buffer_size = 1024;  ///< largest bytes per read
  /// Options of each connection's socket; event loops apply idle_timeout themselves.
  echo::SocketOptions socket;
  Work work;
  bool speaks_http = false;  ///< --protocol http; otherwise the echo
  protocol::HttpSettings http;
  /// idle_timeout of HTTP's connections at rest, unless --idle-timeout is given.
  std::optional<std::chrono::nanoseconds> keepalive_timeout;
  /// Descriptor tables (program/tables.hpp). nullopt: as many as are needed.
  std::optional<std::uint64_t> tables = 1;
  std::vector<unsigned> cpus;  ///< processors to run on; empty: all. Worker i runs on the i-th
  bool allow_public = false;
  std::string json;                               ///< path, "-" for stdout, empty for none
  std::optional<std::chrono::nanoseconds> stats;  ///< interval of status lines on stderr
  int ready_fd = -1;                              ///< receives "PORT\n" once listening; -1: none
};

/// `models`: their names, for the help of --model. `default_model`: runs unless --model is given.
void add_common_options(CLI::App& app, ServerOptions& options, const std::string& models,
                        const std::string& default_model);

/// --workers, for models with a number of threads or processes that serve. `what`: its help text.
CLI::Option* add_workers(CLI::App& app, std::uint64_t& workers, const std::string& what);

/// The number of processors that this process may use: the default --workers of event loops.
std::uint64_t usable_processors();

}  // namespace server
