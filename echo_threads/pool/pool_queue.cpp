#include "echo_threads/pool/pool_queue.hpp"

#include <atomic>
#include <new>
#include <utility>
#include <vector>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/accept/exclusive_acceptor.hpp"
#include "echo_threads/pool/active_connections.hpp"

namespace echo_threads {

bool PoolQueue::push(QueuedConnection& queued) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= limit_) return false;
    waiting_.push_back(std::move(queued));
  }
  changed_.notify_one();
  return true;
}

std::optional<QueuedConnection> PoolQueue::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
  if (waiting_.empty()) return std::nullopt;
  QueuedConnection first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

void PoolQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

namespace {

using Clock = std::chrono::steady_clock;

/// The acceptor and the workers of one run.
class QueuedPool {
 public:
  QueuedPool(const server::Serving& serving, const PoolOptions& options, const QueuePolicy& policy)
      : serving_(serving),
        options_(options),
        policy_(policy),
        listener_(std::move(serving.listeners.take().front())),
        active_(serving, options.worker_count()),
        waits_(options.worker_count()) {}

  void run() {
    {
      const StopWatcher stop_watcher{serving_.stop, listener_.get(), active_};
      run_pool(
          serving_, options_, [this](unsigned worker) { serve_taken(worker); },
          [this] { accept_until_drained(); });
    }
    // The first one that has values becomes the sum: an empty one would allocate.
    echo::Histogram& all = serving_.measurements.queue_wait.emplace();
    for (echo::Histogram& wait : waits_) {
      if (all.count() == 0)
        all = std::move(wait);
      else
        all += wait;
    }
  }

 private:
  void accept_until_drained() {
    struct Closing {
      const QueuePolicy& policy;
      ~Closing() { policy.close(); }  // after an exception too: the workers wait for connections
    } const closing{policy_};
    ExclusiveAcceptor acceptor{serving_, listener_.get()};
    while (echo::Descriptor connection = acceptor.next()) {
      if (!server::admit(serving_.counters, held_, serving_.options.max_connections)) continue;
      ++held_;
      QueuedConnection queued{std::move(connection), Clock::now()};
      if (const auto cause = refusal_of(queued)) shed(*cause);
    }
  }
  /// Why the connection is in no queue; unset: it is in one.
  std::optional<server::Shed> refusal_of(QueuedConnection& queued) {
    try {
      if (policy_.push(queued)) return std::nullopt;
      return server::Shed::queue_full;
    } catch (const std::bad_alloc&) {
      return server::Shed::memory;
    }
  }
  void shed(server::Shed cause) {
    --held_;
    serving_.counters.shed(cause);
  }

  void serve_taken(unsigned worker) {
    Buffer buffer{serving_.options.buffer_size};
    const auto next = [&] {
      const IdleTime idle{serving_.counters.worker(worker)};
      return policy_.take(worker);
    };
    while (std::optional<QueuedConnection> taken = next()) {
      try {
        waits_[worker].record(Clock::now() - taken->since);
      } catch (const std::bad_alloc&) {  // the bins are made with the first value
        shed(server::Shed::memory);
        continue;
      }
      serving_.counters.opened(worker);
      active_.serve(worker, std::move(taken->connection), buffer.bytes());
      --held_;
    }
  }

  const server::Serving& serving_;
  const PoolOptions& options_;
  const QueuePolicy& policy_;
  echo::Descriptor listener_;
  ActiveConnections active_;
  std::atomic<std::uint64_t> held_{0};  ///< waiting or in service: bounded by --max-connections
  std::vector<echo::Histogram> waits_;  ///< one per worker, without a lock; added up at the end
};

}  // namespace

void serve_queued(const server::Serving& serving, const PoolOptions& options,
                  const QueuePolicy& policy) {
  QueuedPool{serving, options, policy}.run();
}

}  // namespace echo_threads
