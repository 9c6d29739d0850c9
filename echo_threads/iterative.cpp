// One connection at a time, on the serving thread: accept, serve until its end, accept the next.
//
// The first server of every textbook, and the shortest. It wins where connections are short and
// few: a connection needs no thread start, no context switch and no lock. It breaks with the first
// peer that connects and sends nothing: all further connections wait in the kernel's queue
// (--backlog) until that peer leaves; --idle-timeout bounds the wait. Connections beyond the queue
// wait for TCP's retries.
// Source: Stevens, Fenner and Rudoff, UNIX Network Programming 1, chapter 30, "iterative server".
// Compare: diff echo_threads/iterative.cpp echo_threads/pool_accept.cpp
// Try it: ./echo_threads --model iterative & ./client --mode churn -n 10
#include <utility>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/pool/active_connections.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

void serve(const server::Serving& serving) {
  const echo::Descriptor listener = std::move(serving.listeners.take().front());
  ActiveConnections active{serving, 1};
  const StopWatcher stop_watcher{serving.stop, listener.get(), active};
  serve_each(serving, 0, listener.get(), [&](echo::Descriptor connection, auto buffer) {
    active.serve(0, std::move(connection), buffer);
  });
}

limits::Demand demand(std::uint64_t connections) {
  limits::Traits traits;
  traits.descriptors_per_connection = 0;  // one in all: the rest wait in the kernel's queue
  return {connections, traits};
}

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape =
              [](const server::ServerOptions&) {
                return server::Shape{.workers = 1, .listeners = 1, .at_once = 1};
              },
          .demand = [](const server::ServerOptions&,
                       std::uint64_t connections) { return demand(connections); },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model iterative{
    "iterative", "one connection at a time, the others wait in the kernel's queue", configure};

}  // namespace echo_threads
