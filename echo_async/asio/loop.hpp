// One io_context on one thread, and all that a model of it needs besides the code that runs a
// connection: the acceptor, the stop, the idle scan, the list of connections.
#pragma once

#include <cstdint>
#include <functional>

#include "echo_async/asio/asio_acceptor.hpp"
#include "echo_async/asio/connection_list.hpp"
#include "echo_async/asio/idle_scan.hpp"
#include "echo_async/asio/out_of_memory.hpp"
#include "echo_async/asio/socket.hpp"
#include "echo_async/asio/stop_events.hpp"
#include "server/model.hpp"

namespace echo_async {

class Loop {
 public:
  explicit Loop(const server::Serving& serving);

  /// Calls `serve` for each admitted connection until the stop; returns when none is left.
  void run(std::function<void(Socket)> serve);

  [[nodiscard]] const server::Serving& serving() const { return serving_; }
  /// Each AsioConnection belongs to it.
  [[nodiscard]] ConnectionList& connections() { return connections_; }
  [[nodiscard]] Executor executor() { return io_.get_executor(); }

 private:
  void drain();
  void force_stop();
  /// Continues when there was no memory (out_of_memory.hpp).
  void begin_again() {
    stop_.begin_again();
    idle_.begin_again();
    acceptor_.begin_again();
  }
  /// When no connection is left, only these waits keep run() from returning.
  void end_waits() {
    stop_.cancel();
    idle_.stop();
  }

  const server::Serving& serving_;
  std::function<void(Socket)> serve_;
  ConnectionList connections_;
  // After the list, which its connections leave on destruction. One thread: Asio omits its locks,
  // four per message.
  asio::io_context io_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  Strand strand_{io_.get_executor()};
  AsioAcceptor acceptor_;
  StopEvents stop_;
  IdleScan idle_;
};

/// A model of one Loop, without options of its own. `connection_bytes`: per connection beside the
/// read buffer.
inline server::Configured configured_loop(std::uint64_t connection_bytes,
                                          void (*serve)(const server::Serving&)) {
  return {.check = {},
          .shape = {},
          .demand =
              [connection_bytes](const server::ServerOptions& common, std::uint64_t connections) {
                return limits::Demand{connections,
                                      limits::event_traits(connection_bytes, common.buffer_size)};
              },
          .serve = serve};
}

}  // namespace echo_async
