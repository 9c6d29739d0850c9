// A thread per connection: blocking reads and writes, one stack per connection.
//
// The life of a connection is in two files: this one accepts it, starts its thread and stops it;
// blocking.cpp is what the thread does: read, work, write, end. Below them, threads/ starts and
// joins thousands of threads, and stack/ is their stacks.
// It wins in simplicity and with few connections. It costs a kernel stack (16 KiB), the kernel's
// task_struct and what belongs to it (~7 KB of slab) and two touched stack pages
// (--one-page-stacks: one) per connection, and a context switch per message.
// Source: 10kthreads, "Is thread per connection scalable?"
// Compare: diff echo_threads/thread_per_connection.cpp echo_threads/fork_per_connection.cpp
// Try it: ./echo_threads --stack-size 16K & ./client -n 10000
#include <utility>

#include "echo_threads/accept/pending_connections.hpp"
#include "echo_threads/blocking.hpp"
#include "echo_threads/stack/connection_stack.hpp"
#include "echo_threads/threads/connection_threads.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

/// Accepts, and starts a thread for each of at most 16 connections: then it is time to look for the
/// stop and for threads that have ended. False: no connection was waiting.
bool start_some(PendingConnections& pending, ConnectionThreads& threads) {
  int started = 0;
  for (; started < 16; ++started) {
    echo::Descriptor connection = pending.next(threads.count());  // --max-connections
    if (!connection) break;
    threads.start(std::move(connection));
  }
  return started > 0;
}

void serve(const server::Serving& serving, const StackOptions& stack) {
  PendingConnections pending{serving};  // the listener, and accepted connections without a thread
  ConnectionThreads threads{serving, stack, echo_until_eof};  // each runs it, then closes

  while (pending.wait(threads.ended_fd())) {  // until the stop begins
    threads.join_ended();
    start_some(pending, threads);
  }

  pending.drain();  // no longer listens
  // shutdown(2) for reading reaches a thread that is blocked in recv(2): it gets what is queued,
  // echoes it, then gets 0, the end. If the stop is already forced, nothing more is echoed.
  if (!serving.stop.forced()) threads.drain();
  while (start_some(pending, threads)) threads.join_ended();  // these are shut down too
  pending.close();                                            // those that a forced stop has left
  threads.stop();  // joins all; when the stop is forced, it shuts them down for writing too
}

server::Configured configure(CLI::App& app) {
  return configured_with_stacks(app, serve);
}

}  // namespace

extern constinit const server::Model thread_per_connection{
    "thread-per-connection", "a thread for each connection, blocking reads and writes", configure,
    server::TableUse::group};

}  // namespace echo_threads
