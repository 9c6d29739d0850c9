// A pool of threads behind one queue: one thread accepts, and any free worker takes the next one.
//
// The thread pool of textbooks and of most application servers. It wins in fairness: a connection
// waits for the first worker that becomes free, so a slow connection occupies one worker and delays
// no connection behind it. Like every pool, it breaks with as many slow connections as workers: the
// queue grows (queue wait in the report), and connections beyond --queue-limit are closed. All
// workers contend for one lock, once per connection.
// Source: Schmidt et al., Pattern-Oriented Software Architecture 2, "Half-Sync/Half-Async".
// Compare: diff echo_threads/pool_shared_queue.cpp echo_threads/pool_own_queue.cpp
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
