// The options that every model of both servers takes, with one meaning for all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "echo/cli_fwd.hpp"
#include "echo/socket.hpp"
#include "server/work.hpp"

namespace server {

struct ServerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 1234;
  int backlog = 4096;
  std::optional<std::uint64_t> max_connections;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds{5};
  std::uint64_t buffer_size = 1024;  ///< bytes read at once
  /// What each connection's socket is given; its idle_timeout belongs to the model as well.
  echo::SocketOptions socket;
  Work work;
  std::vector<unsigned> cpus;  ///< processors to run on; empty: all. Worker i takes the i-th
  bool allow_public = false;
  std::string json;                               ///< path, "-" for stdout, empty for none
  std::optional<std::chrono::nanoseconds> stats;  ///< a line an interval on stderr
  int ready_fd = -1;                              ///< gets "PORT\n" once listening
};

/// `models`: their names, for the help of --model. `default_model`: the one that runs unless told.
void add_common_options(CLI::App& app, ServerOptions& options, const std::string& models,
                        const std::string& default_model);

/// --workers, for the models that have some: threads or processes that serve.
CLI::Option* add_workers(CLI::App& app, std::uint64_t& workers, const std::string& what);

/// As many workers as this process may use processors: what event loops take unless told.
std::uint64_t usable_processors();

}  // namespace server
