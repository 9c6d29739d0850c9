// Pools with queues in user space, between the thread that accepts and the threads that serve.
//
// Unlike the kernel's queue, such a queue can be measured and designed: how long each connection
// waited, which worker takes it, what happens when it is full. The cost is one hand-over between
// threads per connection, a lock and mostly a wake-up; none per message.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

#include "echo/descriptor.hpp"
#include "echo_threads/pool/pool_options.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// An accepted connection that no worker has taken yet.
struct QueuedConnection {
  echo::Descriptor connection;
  std::chrono::steady_clock::time_point since;
};

/// A bounded FIFO queue.
class PoolQueue {
 public:
  explicit PoolQueue(std::uint64_t limit) : limit_(limit) {}

  /// False when it is full: the caller then still owns `queued`. So it does after std::bad_alloc.
  bool push(QueuedConnection& queued);
  /// Waits for a connection; nullopt when the queue is empty and closed.
  std::optional<QueuedConnection> take();
  /// No more connections will be pushed.
  void close();

 private:
  std::uint64_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<QueuedConnection> waiting_;
  bool closed_ = false;
};

/// Which connection waits in which queue: the difference between two such pools.
struct QueuePolicy {
  std::function<bool(QueuedConnection&)> push;  ///< called by the acceptor; false: no room
  std::function<std::optional<QueuedConnection>(unsigned worker)> take;
  std::function<void()> close;
};

/// Accepts on the calling thread and serves on the threads of the pool until the stop is complete.
/// Connections that wait when a drain begins are served. Stores the queue waits in
/// Serving::measurements.
void serve_queued(const server::Serving& serving, const PoolOptions& options,
                  const QueuePolicy& policy);

}  // namespace echo_threads
