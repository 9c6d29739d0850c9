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

#include "echo/cli_fwd.hpp"
#include "echo/descriptor.hpp"
#include "echo/histogram.hpp"
#include "echo/socket.hpp"
#include "echo/stop.hpp"
#include "limits/demand.hpp"
#include "server/acceptor.hpp"
#include "server/counters.hpp"
#include "server/options.hpp"
#include "server/protocol.hpp"
#include "server/stack_use.hpp"
#include "server/work.hpp"

namespace server {

/// The sockets that listen on one address. With more than one the kernel spreads connections over
/// them by hash (SO_REUSEPORT).
class Listeners {
 public:
  /// Binds and listens; port 0 lets the kernel choose, and where() tells. Throws std::system_error.
  Listeners(const echo::Endpoint& where, int backlog, unsigned count,
            const echo::SocketOptions& options = {});

  /// Hands the sockets over, O_NONBLOCK, to the model: closing them is how it stops accepting.
  [[nodiscard]] std::vector<echo::Descriptor> take() { return std::move(sockets_); }
  [[nodiscard]] const echo::Endpoint& where() const { return where_; }
  /// For the acceptors of several threads (acceptor.hpp).
  [[nodiscard]] SharedAccept& shared_accept() { return shared_accept_; }

 private:
  echo::Endpoint where_;
  SharedAccept shared_accept_;
  std::vector<echo::Descriptor> sockets_;
};

/// What a model alone can measure, for the report. Filled in before serve() returns.
struct ModelMeasurements {
  /// From accept to the moment a worker took the connection; models with a queue.
  std::optional<echo::Histogram> queue_wait;
  /// How deep the stacks of the threads that served were used; with --stack-report.
  std::optional<StackUse> stacks;
};

/// All that a model is handed; a new capability is a new field here.
struct Serving {
  const ServerOptions& options;
  Listeners& listeners;
  const Protocol& protocol;
  const Work& work;  ///< simulated, for each message, between reading it and answering
  echo::Stop& stop;
  Counters& counters;
  ModelMeasurements& measurements;
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
  /// Makes sure that the system lets the model run, and sets up what must precede all threads; may
  /// execute the program anew. Throws echo::Exit where the kernel refuses. Not called for
  /// --describe, which changes nothing. May be empty.
  std::function<void(const ServerOptions&)> prepare = {};
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

}  // namespace server
