// Busy polling: non-blocking sockets, each tried in turn whether ready or not; no waiting.
//
// This is what a program does that knows only O_NONBLOCK. It uses a whole core all the time, even
// without connections: look at its CPU time while idle. In return it needs no wake-up: with one
// connection and a core to itself it answered in half the time of the loops that wait (p50 41 us
// against 80 to 96 on a virtual machine); with ten connections the gain was gone. SO_BUSY_POLL and
// DPDK do the same below the socket, where latency is worth the cost. With many connections it
// tries thousands of sockets in vain, ~0.5 us each, to find one that is ready: O(n) system calls
// where epoll needs one.
// Source: LearnServer, noblocking_server.py ("busy wait").
// Compare: diff echo_async/busy_poll.cpp echo_async/select.cpp
// Try it: ./echo_async --model busy-poll & ./client -n 10
#include <poll.h>

#include "echo_async/epoll/connection_table.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {
namespace {

class Server {
 public:
  explicit Server(const server::Serving& serving)
      : serving_(serving),
        listener_(std::move(serving.listeners.take().front())),
        acceptor_(listener_.get(), serving.counters, serving.options.max_connections, true),
        connections_(serving, 0) {}

  void run() {
    std::uint64_t attempts = attempts_per_check;
    while (listener_ || connections_.count() > 0) {
      if (attempts >= attempts_per_check) {
        attempts = 0;
        if (!check_other_events()) return;
      }
      attempts += connections_.count() + 1;
      try_all();
    }
  }

 private:
  /// Attempts to read or write between two checks of everything else, because a check costs a
  /// system call too. With thousands of connections there is one check per round.
  static constexpr std::uint64_t attempts_per_check = 64;

  void try_all() {
    NonblockingExchange& exchange = connections_.exchange();
    connections_.for_each([&](Connection& connection) {
      const WaitFor next = connection.pending() ? exchange.on_writable(connection)
                                                : exchange.on_readable(connection);
      act(connection, next);
    });
  }
  /// Everything else is tried again anyway.
  void act(Connection& connection, WaitFor next) {
    if (next == WaitFor::eof) connections_.end(connection);
    if (next == WaitFor::finish) connections_.finish(connection);
    if (next == WaitFor::close) connections_.remove(connection);
  }

  /// Handles the stop, new connections and what is due. Returns false when the stop is forced.
  bool check_other_events() {
    pollfd entries[3] = {{serving_.stop.force_fd(), POLLIN, 0},
                         {listener_ ? serving_.stop.drain_fd() : -1, POLLIN, 0},
                         {listener_.get(), POLLIN, 0}};
    if (::poll(entries, 3, 0) > 0) {
      if (entries[0].revents != 0) return false;
      if (entries[1].revents != 0) {
        listener_.reset();
        connections_.drain();
      } else if (entries[2].revents != 0) {
        for (int i = 0; i < server::accepts_in_a_row; ++i) {
          echo::Descriptor socket = acceptor_.accept(connections_.count());
          if (!socket) break;
          connections_.add(std::move(socket));
        }
      }
    }
    if (connections_.next_due()) {
      connections_.handle_due(
          ConnectionTable::Clock::now(),
          [this](Connection& connection, WaitFor next) { act(connection, next); });
    }
    return true;
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  ConnectionTable connections_;
};

void serve(const server::Serving& serving) {
  Server{serving}.run();
}

limits::Demand demand(std::uint64_t connections) {
  limits::Traits traits = limits::event_traits(sizeof(Connection), 0);
  traits.watches_per_connection = 0;
  return {connections, traits};
}

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = [](const server::ServerOptions&) { return server::Shape{.spins = true}; },
          .demand = [](const server::ServerOptions&,
                       std::uint64_t connections) { return demand(connections); },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model busy_poll{
    "busy-poll", "one thread tries every socket in turn and never waits: a whole core, always",
    configure};

}  // namespace echo_async
