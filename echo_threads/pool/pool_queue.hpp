// Pools whose connections wait in queues of their own, between the thread that accepts and those
// that serve.
//
// A queue of ours, unlike the kernel's, can be measured and chosen: how long each connection
// waited, who takes it, what happens when it is full. The price is a hand-over from one thread to
// another, a lock and mostly a wake-up, for each connection; none for a message.
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

/// First come, first served; bounded.
class PoolQueue {
 public:
  explicit PoolQueue(std::uint64_t limit) : limit_(limit) {}

  /// False when it is full: `waiting` is then still the caller's.
  bool push(QueuedConnection& queued);
  /// Waits for one; nullopt when it is empty and closed.
  std::optional<QueuedConnection> take();
  /// Nothing more will come.
  void close();

 private:
  std::uint64_t limit_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<QueuedConnection> waiting_;
  bool closed_ = false;
};

/// Who waits where: what tells one such pool from another.
struct QueuePolicy {
  std::function<bool(QueuedConnection&)> push;  ///< by the acceptor; false: no room
  std::function<std::optional<QueuedConnection>(unsigned worker)> take;
  std::function<void()> close;
};

/// Accepts on the calling thread and serves on the pool's others until the stop is done; what waits
/// when a drain begins is served first. Leaves the times waited in Serving::measurements.
void serve_queued(const server::Serving& serving, const PoolOptions& options,
                  const QueuePolicy& policy);

}  // namespace echo_threads
