// One io_context, and an epoll descriptor nested inside it that holds all connections.
//
// For who wants Asio's timers, signals and composed operations, and the data path of a raw epoll
// server: 16 bytes a connection, no allocation, one recv and one send an echo (loop.hpp tells how).
// It wins wherever callbacks does, by the system calls that Asio makes in vain; it loses Asio's
// portability and everything that is written for its sockets (TLS streams, composed reads). Source:
// PEERS, "an epoll descriptor nested in Asio". Try it: ./echo_async --model nested-epoll &
// ./client -n 10000
#include <memory>

#include "echo_async/epoll/epoll_acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {
namespace {

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand =
              [](const server::ServerOptions&, std::uint64_t connections) {
                return limits::Demand{connections, limits::event_traits(sizeof(Connection), 0)};
              },
          .serve =
              [](const server::Serving& serving) {
                serve_alone(serving, std::move(serving.listeners.take().front()), 0);
              }};
}

}  // namespace

extern constinit const server::Model nested_epoll{
    "nested-epoll", "an epoll descriptor of its own inside Asio: the floor's data path", configure};

}  // namespace echo_async
