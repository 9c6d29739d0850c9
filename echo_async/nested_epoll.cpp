// One io_context, and an epoll descriptor nested inside it that holds all connections.
//
// It combines Asio's timers, signals and composed operations with the data path of a raw epoll
// server: 16 bytes per connection, no allocation, one recv and one send per echo
// (epoll/nested_epoll.hpp explains how). It wins wherever callbacks does, by the system calls that
// Asio makes in vain. A slow reader costs at most one reply of --buffer-size in user memory
// (epoll/nonblocking_exchange.hpp). It loses Asio's portability and everything that is written for
// its sockets (TLS streams, composed reads). Source: epoll(7),
// https://man7.org/linux/man-pages/man7/epoll.7.html: an epoll descriptor can be polled itself.
// Compare: diff echo_async/nested_epoll.cpp echo_async/reactor_per_core.cpp
// Try it: ./echo_async --model nested-epoll & ./client -n 10000
#include <utility>

#include "echo_async/epoll/epoll_acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {
namespace {

void serve(const server::Serving& serving) {
  accept_and_serve(serving, std::move(serving.listeners.take().front()), 0);
}

limits::Demand demand(std::uint64_t connections) {
  return {connections, limits::event_traits(sizeof(Connection), 0)};
}

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand = [](const server::ServerOptions&,
                       std::uint64_t connections) { return demand(connections); },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model nested_epoll{
    "nested-epoll", "an epoll descriptor nested inside Asio: the data path of raw epoll", configure,
    server::TableUse::loop};

}  // namespace echo_async
