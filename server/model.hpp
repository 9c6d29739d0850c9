// The interface of a concurrency model: one file that defines a Model, and one line that lists it.
//
// The model decides WHO runs a connection. server_main does everything that makes two models
// comparable (options, listening, counting, sampling, the report) and passes it on in Serving.
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
#include "protocol/protocol.hpp"
#include "server/acceptor.hpp"
#include "server/counters.hpp"
#include "server/options.hpp"
#include "server/stack_use.hpp"
#include "server/work.hpp"

namespace server {

/// The sockets that listen on one address. With more than one, the kernel spreads connections over
/// them by hash (SO_REUSEPORT, socket(7)).
class Listeners {
 public:
  /// Binds and listens. With port 0 the kernel chooses; where() returns the port. `shared`: more
  /// sockets will listen beside them, although `count` is 1. Throws std::system_error.
  Listeners(const echo::Endpoint& where, int backlog, unsigned count,
            const echo::SocketOptions& options = {}, bool shared = false);
  /// Listens beside `others`, which are `shared`. Throws std::system_error.
  Listeners(const Listeners& others, int backlog, unsigned count,
            const echo::SocketOptions& options);

  /// Passes the sockets, O_NONBLOCK, to the model, which closes them to stop accepting.
  [[nodiscard]] std::vector<echo::Descriptor> take() { return std::move(sockets_); }
  [[nodiscard]] const echo::Endpoint& where() const { return where_; }
  /// For the acceptors of several threads (acceptor.hpp).
  [[nodiscard]] SharedAccept& shared_accept() { return shared_accept_; }

 private:
  void add(int backlog, unsigned count, const echo::SocketOptions& options);

  echo::Endpoint where_;
  SharedAccept shared_accept_;
  std::vector<echo::Descriptor> sockets_;
};

/// Figures that only the model can measure, for the report. Set before serve() returns.
struct ModelMeasurements {
  /// Time from accept until a worker took the connection; models with a queue.
  std::optional<echo::Histogram> queue_wait;
  /// How deep the serving threads used their stacks; with --stack-report.
  std::optional<StackUse> stacks;
  /// The limit for which no thread or process could be started, at the first failure; empty: none.
  std::string task_shortage;

  /// Adds those of another descriptor table.
  ModelMeasurements& operator+=(const ModelMeasurements& other);
};

/// Everything that a model receives; a new capability is a new field here.
struct Serving {
  const ServerOptions& options;
  Listeners& listeners;
  const protocol::Protocol& protocol;
  const Work& work;  ///< simulated, per message, between reading it and answering
  echo::Stop& stop;
  Counters& counters;
  ModelMeasurements& measurements;
};

/// Properties of a model that server_main must know before it runs.
struct Shape {
  unsigned workers = 1;    ///< lines in the counters
  unsigned listeners = 1;  ///< sockets on the address
  /// Connections served at the same time; further ones wait until one ends. Unset: all.
  std::optional<std::uint64_t> at_once = std::nullopt;
  /// Uses a whole processor even while it is idle.
  bool spins = false;
};

/// How a model uses several descriptor tables (program/tables.hpp).
enum class TableUse {
  one,   ///< all its connections are in one
  loop,  ///< a loop in each, on the thread that has the table
  group  ///< a group of threads in each, started by that thread
};

/// A model with its options. Its functions are called after parsing, with the common options.
struct Configured {
  /// Throws CLI::ValidationError for options that cannot work, such as a stack smaller than its
  /// buffer. May be empty.
  std::function<void(const ServerOptions&)> check;
  /// Makes sure that the system lets the model run, and sets up what must precede all threads; may
  /// execute the program again. Throws echo::Exit if the kernel refuses. Not called for --describe,
  /// which changes nothing. May be empty.
  std::function<void(const ServerOptions&)> prepare = {};
  /// May be empty: one worker, one listener, all connections at the same time.
  std::function<Shape(const ServerOptions&)> shape;
  /// Resources that N connections need; includes the model's own options, such as --stack-size.
  std::function<limits::Demand(const ServerOptions&, std::uint64_t connections)> demand;
  /// Serves until the stop is complete: no connection, thread or child is left when it returns.
  std::function<void(const Serving&)> serve;

  [[nodiscard]] Shape shape_of(const ServerOptions& options) const {
    return shape ? shape(options) : Shape{};
  }
};

struct Model {
  std::string_view name;     ///< --model NAME
  std::string_view summary;  ///< its line in --list-models
  /// Declares the model's own options. The returned object keeps their values.
  Configured (*configure)(CLI::App& options);
  TableUse tables = TableUse::one;
};

}  // namespace server
