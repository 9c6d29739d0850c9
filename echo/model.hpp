// What a concurrency model is: one file that defines a Model, and one line that lists it.
//
// The model decides WHO runs a connection; everything that makes two models comparable (options,
// listening, counting, sampling, the report) is done by server_main and handed over in Serving.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/acceptor.hpp"
#include "echo/cli_fwd.hpp"
#include "echo/counters.hpp"
#include "echo/descriptor.hpp"
#include "echo/histogram.hpp"
#include "echo/protocol.hpp"
#include "echo/server_options.hpp"
#include "echo/socket.hpp"
#include "echo/stack_use.hpp"
#include "echo/stop.hpp"
#include "echo/work.hpp"
#include "limits/demand.hpp"

namespace echo {

/// The sockets that listen on one address. With more than one the kernel spreads connections over
/// them by hash (SO_REUSEPORT).
class Listeners {
 public:
  /// Binds and listens; port 0 lets the kernel choose, and where() tells. Throws std::system_error.
  Listeners(const Endpoint& where, int backlog, unsigned count, const SocketOptions& options = {});

  /// Hands the sockets over, O_NONBLOCK, to the model: closing them is how it stops accepting.
  [[nodiscard]] std::vector<Descriptor> take() { return std::move(sockets_); }
  [[nodiscard]] const Endpoint& where() const { return where_; }
  /// For the acceptors of several threads (acceptor.hpp).
  [[nodiscard]] Turns& turns() { return turns_; }

 private:
  Endpoint where_;
  Turns turns_;
  std::vector<Descriptor> sockets_;
};

/// What a model alone can measure, for the report. Filled in before serve() returns.
struct Findings {
  /// From accept to the moment a worker took the connection; models with a queue.
  std::optional<Histogram> queue_wait;
  /// How deep the stacks of the threads that served were used; with --stack-report.
  std::optional<StackUse> stacks;
};

/// All that a model is handed; a new capability is a new field here.
struct Serving {
  const ServerOptions& options;
  Listeners& listeners;
  const Protocol& protocol;
  const Work& work;  ///< simulated, for each message, between reading it and answering
  Stop& stop;
  Counters& counters;
  Findings& findings;
};

/// What a model is made of, which server_main must know before it runs.
struct Shape {
  unsigned workers = 1;    ///< lines in the counters
  unsigned listeners = 1;  ///< sockets on the address
  /// Connections served at the same time; the others wait until one ends. Unset: all.
  std::optional<std::uint64_t> at_once = std::nullopt;
  /// Takes a whole processor while there is nothing to do as well.
  bool spins = false;
};

/// What a model makes of its options. Called after parsing, with the common options in hand.
struct Configured {
  /// Throws CLI::ValidationError for what cannot be (a stack smaller than its buffer). May be
  /// empty.
  std::function<void(const ServerOptions&)> check;
  /// May be empty: one worker, one listener, all connections at once.
  std::function<Shape(const ServerOptions&)> shape;
  /// What N connections need; it knows its own --stack-size.
  std::function<limits::Demand(const ServerOptions&, std::uint64_t connections)> demand;
  /// Serves until the stop is done: returns with no connection, thread or child left.
  std::function<void(const Serving&)> serve;

  [[nodiscard]] Shape shape_of(const ServerOptions& options) const {
    return shape ? shape(options) : Shape{};
  }
};

struct Model {
  std::string_view name;     ///< --model NAME
  std::string_view summary;  ///< its line in --list-models
  /// Declares the model's own options; what it returns keeps their values.
  Configured (*configure)(CLI::App& options);
};

}  // namespace echo
