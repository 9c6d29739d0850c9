// Busy polling: non-blocking sockets, each asked in turn whether something has come; no waiting.
//
// What a program does that knows O_NONBLOCK and nothing else. It takes a whole core for ever, with
// nobody there as well: look at its CPU time while idle. In return nobody has to wake it: with one
// connection and a core to itself it answered in half the time of the loops that wait (p50 41 us
// against 80 to 96 on a virtual machine); with ten nothing was left of that. The same is done below
// the socket where latency is money (SO_BUSY_POLL, DPDK). With many it asks thousands in vain,
// ~0.5 us each, to find one: O(n) system calls where epoll needs one.
// Source: "noblocking_server: busy wait". Try it: ./echo_async --model busy-poll & ./client -n 10
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
    std::uint64_t asked = look_around_every;
    while (listener_ || connections_.count() > 0) {
      if (asked >= look_around_every) {
        asked = 0;
        if (!look_around()) return;
      }
      asked += connections_.count() + 1;
      ask_all();
    }
  }

 private:
  /// Whatever is not an echo costs a system call too, so it has its turn less often: with one
  /// connection after so many questions, with thousands once a round.
  static constexpr std::uint64_t look_around_every = 64;

  void ask_all() {
    NonblockingExchange& exchange = connections_.exchange();
    connections_.for_each([&](Connection& connection) {
      const WaitFor next =
          connection.pending ? exchange.on_writable(connection) : exchange.on_readable(connection);
      if (next == WaitFor::close) connections_.remove(connection);
    });
  }

  /// Stop, newcomers and what is due. False when the stop is forced.
  bool look_around() {
    pollfd entries[3] = {{serving_.stop.force_fd(), POLLIN, 0},
                         {listener_ ? serving_.stop.drain_fd() : -1, POLLIN, 0},
                         {listener_.get(), POLLIN, 0}};
    if (::poll(entries, 3, 0) > 0) {
      if (entries[0].revents != 0) return false;
      if (entries[1].revents != 0) {
        listener_.reset();
        connections_.drain();
      } else if (entries[2].revents != 0) {
        while (echo::Descriptor socket = acceptor_.accept(connections_.count())) {
          connections_.add(std::move(socket));
        }
      }
    }
    if (connections_.next_due()) {
      connections_.do_due(ConnectionTable::Clock::now(),
                          [this](Connection& connection, WaitFor next) {
                            if (next == WaitFor::close) connections_.remove(connection);
                          });
    }
    return true;
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  ConnectionTable connections_;
};

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = [](const server::ServerOptions&) { return server::Shape{.spins = true}; },
          .demand =
              [](const server::ServerOptions&, std::uint64_t connections) {
                return limits::Demand{connections, limits::event_traits(sizeof(Connection), 0)};
              },
          .serve = [](const server::Serving& serving) { Server{serving}.run(); }};
}

}  // namespace

extern constinit const server::Model busy_poll{
    "busy-poll", "one thread asks every socket in turn and never waits: a whole core, always",
    configure};

}  // namespace echo_async
