// A pool of threads; each accepts its own connections and serves one at a time.
//
// This is the iterative server, N times: no queue in user space, no acceptor thread, no hand-over
// between threads. Connections wait in the kernel's queue, and the kernel wakes one idle worker per
// connection. It wins where at most N connections are alive at the same time, or where they are
// short: no thread is started for a connection. It breaks with N silent peers. How long further
// connections have waited cannot be measured then: the kernel does not report their arrival time.
// Source: Stevens, Fenner and Rudoff, UNIX Network Programming 1, chapter 30, "prethreaded server,
// per-thread accept".
// Compare: diff echo_threads/pool_accept.cpp echo_threads/iterative.cpp
// Try it: ./echo_threads --model pool-accept & ./client --mode churn -n 50
#include <utility>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/pool/active_connections.hpp"
#include "echo_threads/pool/pool_options.hpp"
#include "server/model.hpp"
#include "server/protocol_options.hpp"

namespace echo_threads {
namespace {

void serve(const server::Serving& serving, const PoolOptions& options) {
  const echo::Descriptor listener = std::move(serving.listeners.take().front());
  ActiveConnections active{serving, options.worker_count()};
  const StopWatcher stop_watcher{serving.stop, listener.get(), active};
  run_pool(serving, options, [&](unsigned worker) {
    serve_each(serving, worker, listener.get(), [&](echo::Descriptor connection, auto buffer) {
      active.serve(worker, std::move(connection), buffer);
    });
  });
}

limits::Demand demand(const PoolOptions& options, std::uint64_t connections) {
  limits::Traits traits = thread_pool_traits(options);
  traits.descriptors_per_connection = 0;  // the rest wait in the kernel's queue
  // Of each worker: the epoll and the reserve of its acceptor, the socket that it serves.
  traits.fixed_descriptors += 3 * options.workers;
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  const auto options = add_pool_options(app, "Threads, each of which serves one connection");
  add_stack_options(app, options->stack);
  return {.check =
              [options](const server::ServerOptions& common) {
                check(options->stack, 0, server::stack_bytes_of_protocol(common));
              },
          .shape = [options](const server::ServerOptions&) { return shape_of(*options); },
          .demand = [options](const server::ServerOptions&,
                              std::uint64_t connections) { return demand(*options, connections); },
          .serve = [options](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace

extern constinit const server::Model pool_accept{
    "pool-accept", "a pool of threads that accept for themselves, one connection each", configure};

}  // namespace echo_threads
