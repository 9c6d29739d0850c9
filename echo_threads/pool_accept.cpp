// A pool of threads, each of which accepts for itself and serves one connection at a time.
//
// The iterative server, N times over: no queue of ours, no acceptor, no hand-over between threads.
// The kernel's queue is the queue, and the kernel wakes one idle worker for each connection. It
// wins where at most N connections are alive at once, or where they are short: no thread is ever
// started for one. It breaks with N silent peers, and nobody can tell then how long the others have
// waited: their time of arrival is the kernel's secret.
// Source: Stevens, Fenner and Rudoff, UNIX Network Programming 1, chapter 30, "prethreaded server,
// per-thread accept". Try it: ./echo_threads --model pool-accept & ./client --mode churn -n 50
#include <utility>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/pool/active_connections.hpp"
#include "echo_threads/pool/pool_options.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

void serve(const server::Serving& serving, const PoolOptions& options) {
  const echo::Descriptor listener = std::move(serving.listeners.take().front());
  ActiveConnections active{serving, options.worker_count()};
  const StopWatch stop_watch{serving.stop, listener.get(), active};
  run_pool(serving, options, [&](unsigned worker) {
    serve_each(serving, worker, listener.get(), [&](echo::Descriptor connection, auto buffer) {
      active.serve(worker, std::move(connection), buffer);
    });
  });
}

server::Configured configure(CLI::App& app) {
  const auto options = add_pool_options(app, "Threads, each of which serves one connection");
  add_stack_options(app, options->stack);
  return {.check = [options](const server::ServerOptions&) { check(options->stack, 0); },
          .shape = [options](const server::ServerOptions&) { return shape_of(*options); },
          .demand =
              [options](const server::ServerOptions&, std::uint64_t connections) {
                limits::Traits traits = thread_pool_traits(*options);
                traits.descriptors_per_connection = 0;  // the others wait in the kernel's queue
                return limits::Demand{connections, traits};
              },
          .serve = [options](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace

extern constinit const server::Model pool_accept{
    "pool-accept", "a pool of threads that accept for themselves, one connection each", configure};

}  // namespace echo_threads
