// A pool of threads behind one queue: one thread accepts, whoever is free takes the next.
//
// The thread pool of the textbook and of most application servers. It wins in fairness: a
// connection waits for the first worker to come free, whichever that is, so a slow one holds up a
// single worker and nobody behind it. It breaks with as many slow ones as there are workers, as
// every pool does; then the queue grows (queue wait in the report), and beyond --queue-limit
// connections are closed. All workers contend for one lock, once a connection.
// Source: Schmidt et al., POSA 2, "Half-Sync/Half-Async".
// Try it: ./echo_threads --model pool-shared-queue & ./client --mode churn -n 50
#include "echo_threads/pool/pool_options.hpp"
#include "echo_threads/pool/pool_queue.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

void serve(const server::Serving& serving, const PoolOptions& options) {
  PoolQueue queue{options.queue_limit};
  serve_queued(serving, options,
               {.push = [&](QueuedConnection& queued) { return queue.push(queued); },
                .take = [&](unsigned) { return queue.take(); },
                .close = [&] { queue.close(); }});
}

server::Configured configure(CLI::App& app) {
  return configured_pool(app, "Connections that may wait for a worker; more are closed", serve);
}

}  // namespace

extern constinit const server::Model pool_shared_queue{
    "pool-shared-queue", "a pool of threads behind one queue, one connection each", configure};

}  // namespace echo_threads
