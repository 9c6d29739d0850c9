// What a concurrency model is: one file that defines a Model, and one line that lists it.
//
// The model decides WHO runs a connection; everything that makes two models comparable (options,
// listening, counting, sampling, the report) is done by server_main and handed over in Serving.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/counters.hpp"
#include "echo/descriptor.hpp"
#include "echo/protocol.hpp"
#include "echo/socket.hpp"
#include "echo/stop.hpp"
#include "limits/demand.hpp"

namespace echo {

/// The options that every model of both servers takes.
struct ServerOptions {
  std::string bind = "127.0.0.1";
  std::uint16_t port = 1234;
  int backlog = 4096;
  std::optional<std::uint64_t> max_connections;
  std::chrono::nanoseconds drain_timeout = std::chrono::seconds{5};
  std::uint64_t buffer_size = 1024;  ///< bytes read at once, per connection
  bool nodelay = true;
  SocketBuffers socket_buffers;
  bool allow_public = false;
  std::string json;   ///< path, "-" for stdout, empty for none
  int ready_fd = -1;  ///< gets "PORT\n" once listening
};

/// The sockets that listen on one address. With more than one the kernel spreads connections over
/// them by hash (SO_REUSEPORT).
class Listeners {
 public:
  /// Binds and listens; port 0 lets the kernel choose, and where() tells. Throws std::system_error.
  Listeners(const Endpoint& where, int backlog, unsigned count, SocketBuffers buffers = {});

  /// Hands the sockets over, O_NONBLOCK, to the model: closing them is how it stops accepting.
  [[nodiscard]] std::vector<Descriptor> take() { return std::move(sockets_); }
  [[nodiscard]] const Endpoint& where() const { return where_; }

 private:
  Endpoint where_;
  std::vector<Descriptor> sockets_;
};

/// All that a model is handed; a new capability is a new field here.
struct Serving {
  const ServerOptions& options;
  Listeners& listeners;
  const Protocol& protocol;
  const Stop& stop;
  Counters& counters;
};

/// What a model makes of its options. Called after parsing, with the common options in hand.
struct Configured {
  /// Throws CLI::ValidationError for what cannot be (a stack smaller than its buffer). May be
  /// empty.
  std::function<void(const ServerOptions&)> check;
  /// What N connections need; it knows its own --stack-size.
  std::function<limits::Demand(const ServerOptions&, std::uint64_t connections)> demand;
  /// Serves until the stop is done: returns with no connection, thread or child left.
  std::function<void(const Serving&)> serve;
  unsigned workers = 1;    ///< lines in the counters
  unsigned listeners = 1;  ///< sockets on the address
};

struct Model {
  std::string_view name;     ///< --model NAME
  std::string_view summary;  ///< its line in --list-models
  /// Declares the model's own options; what it returns keeps their values.
  Configured (*configure)(CLI::App& options);
};

}  // namespace echo
