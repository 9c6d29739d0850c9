#include "echo_threads/waiting.hpp"

#include <atomic>
#include <utility>
#include <vector>

#include "echo_threads/door.hpp"
#include "echo_threads/in_service.hpp"
#include "echo_threads/turns.hpp"

namespace echo_threads {

bool Queue::push(Waiting& waiting) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= limit_) return false;
    waiting_.push_back(std::move(waiting));
  }
  changed_.notify_one();
  return true;
}

std::optional<Waiting> Queue::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
  if (waiting_.empty()) return std::nullopt;
  Waiting first = std::move(waiting_.front());
  waiting_.pop_front();
  return first;
}

void Queue::close() {
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
  QueuedPool(const server::Serving& serving, const PoolOptions& options, const Queueing& queueing)
      : serving_(serving),
        options_(options),
        queueing_(queueing),
        listener_(std::move(serving.listeners.take().front())),
        in_service_(serving, options.worker_count()),
        waits_(options.worker_count()) {}

  void run() {
    {
      const StopWatch stop_watch{serving_.stop, listener_.get(), in_service_};
      run_pool(
          serving_, options_, [this](unsigned worker) { serve_taken(worker); },
          [this] { accept_until_drained(); });
    }
    echo::Histogram& all = serving_.measurements.queue_wait.emplace();
    for (const echo::Histogram& wait : waits_) all += wait;
  }

 private:
  void accept_until_drained() {
    struct Closing {
      const Queueing& queueing;
      ~Closing() { queueing.close(); }  // whatever ends the accepting: the workers wait for more
    } const closing{queueing_};
    Door door{serving_, listener_.get()};
    while (echo::Descriptor connection = door.next()) {
      if (!server::admit(serving_.counters, held_, serving_.options.max_connections)) continue;
      ++held_;
      Waiting waiting{std::move(connection), Clock::now()};
      if (queueing_.push(waiting)) continue;
      --held_;
      serving_.counters.shed(server::Shed::queue_full);
    }
  }

  void serve_taken(unsigned worker) {
    Buffer buffer{serving_.options.buffer_size};
    const auto next = [&] {
      const Idle idle{serving_.counters.worker(worker)};
      return queueing_.take(worker);
    };
    while (std::optional<Waiting> taken = next()) {
      waits_[worker].record(Clock::now() - taken->since);
      serving_.counters.opened(worker);
      in_service_.serve(worker, std::move(taken->connection), buffer.bytes());
      --held_;
    }
  }

  const server::Serving& serving_;
  const PoolOptions& options_;
  const Queueing& queueing_;
  echo::Descriptor listener_;
  InService in_service_;
  std::atomic<std::uint64_t> held_{0};  ///< waiting or in service: what --max-connections bounds
  std::vector<echo::Histogram> waits_;  ///< one a worker: no lock, and added up in the end
};

}  // namespace

void serve_queued(const server::Serving& serving, const PoolOptions& options,
                  const Queueing& queueing) {
  QueuedPool{serving, options, queueing}.run();
}

}  // namespace echo_threads
