// A pool of threads, each with its own queue: one thread accepts and assigns connections in turn.
//
// Every worker gets the same number of connections, and no two workers contend for a lock. It wins
// where all connections take about the same time, and it keeps a worker's connections on its
// processor (--cpus). It breaks when one connection is slow: it blocks all connections behind it
// although other workers are idle; the report shows both, the queue wait and the idle time.
// --queue-limit bounds each queue: a connection assigned to a full queue is closed although other
// queues have room.
// Source: Harchol-Balter, Performance Modeling and Design of Computer Systems, chapter 24, "Task
// Assignment Policies for Server Farms" (round-robin).
// Compare: diff echo_threads/pool_own_queue.cpp echo_threads/pool_shared_queue.cpp
// Try it: ./echo_threads --model pool-own-queue & ./client --mode churn -n 50
#include <deque>

#include "echo_threads/pool/pool_options.hpp"
#include "echo_threads/pool/pool_queue.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

void serve(const server::Serving& serving, const PoolOptions& options) {
  const unsigned workers = options.worker_count();
  std::deque<PoolQueue> queues;  // not a vector: a queue cannot be moved
  for (unsigned i = 0; i < workers; ++i) queues.emplace_back(options.queue_limit);
  unsigned next = 0;  // used by the acceptor only
  serve_queued(
      serving, options,
      {.push = [&](QueuedConnection& queued) { return queues[next++ % workers].push(queued); },
       .take = [&](unsigned worker) { return queues[worker].take(); },
       .close =
           [&] {
             for (PoolQueue& queue : queues) queue.close();
           }});
}

server::Configured configure(CLI::App& app) {
  return configured_pool(app, "Connections that may wait for each worker; more are closed", serve);
}

}  // namespace

extern constinit const server::Model pool_own_queue{
    "pool-own-queue", "a pool of threads with a queue each, connections assigned in turn",
    configure};

}  // namespace echo_threads
