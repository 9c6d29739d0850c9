// One thread accepts and hands each connection to one of several loops through a lock-free queue.
//
// The acceptor sees every new connection, so it can choose a loop. --dispatch round-robin takes the
// loops in order, which is even in numbers and ignores load; least takes the loop with the fewest
// connections, and among equals the one that has handled the fewest messages. It wins over
// reactor-per-core where connections are few or differ in how long they stay; it costs a wake-up
// and a cold cache per connection, and one thread accepts for all loops. A connection never moves.
// So one loop may take twice the load, a different one from run to run; the balance and series of
// the report show it. Source: swad (https://github.com/Zirias/swad), one acceptor and 8 workers.
// Compare: diff echo_async/hand_off.cpp echo_async/reactor_per_core.cpp
// Try it: ./echo_async --model hand-off --workers 2 --dispatch least
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "echo/options.hpp"
#include "echo/stop.hpp"
#include "echo_async/epoll/handoff_queue.hpp"
#include "echo_async/epoll/nested_epoll.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"
#include "server/workers.hpp"

namespace echo_async {
namespace {

enum class Dispatch { round_robin, least };

struct Options {
  std::uint64_t workers = server::usable_processors();
  Dispatch dispatch = Dispatch::round_robin;
};

using HandoffQueues = std::vector<std::unique_ptr<HandoffQueue>>;

/// Chooses the loop of the next connection.
class Dispatcher {
 public:
  Dispatcher(Dispatch dispatch, const server::Counters& counters, const HandoffQueues& queues)
      : dispatch_(dispatch), counters_(counters), queues_(queues) {}

  std::size_t choose() {
    if (dispatch_ == Dispatch::round_robin) return next_++ % queues_.size();
    std::size_t best = 0;
    for (std::size_t i = 1; i < queues_.size(); ++i) {
      if (load(i) < load(best)) best = i;
    }
    return best;
  }

 private:
  /// Connections, including those still in the queue; then messages.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> load(std::size_t worker) const {
    const server::WorkerCounts& counts = counters_.worker(static_cast<unsigned>(worker));
    const std::uint64_t closed = counts.closed.load(std::memory_order_relaxed);
    const std::uint64_t accepted = counts.accepted.load(std::memory_order_relaxed);
    return {accepted - std::min(closed, accepted) + queues_[worker]->waiting(),
            counts.messages.load(std::memory_order_relaxed)};
  }

  Dispatch dispatch_;
  const server::Counters& counters_;
  const HandoffQueues& queues_;
  std::size_t next_ = 0;
};

/// Accepts until the stop, on its own thread.
class AcceptorThread {
 public:
  AcceptorThread(const server::Serving& serving, Dispatch dispatch, HandoffQueues& queues)
      : serving_(serving),
        queues_(queues),
        listener_(std::move(serving.listeners.take().front())),
        acceptor_(listener_.get(), serving.counters, serving.options.max_connections, true),
        dispatcher_(dispatch, serving.counters, queues),
        woken_(queues.size()) {}

  void run() {
    while (!serving_.stop.draining()) {
      pollfd entries[2] = {{serving_.stop.drain_fd(), POLLIN, 0},
                           {acceptor_.paused_until() ? -1 : listener_.get(), POLLIN, 0}};
      if (::poll(entries, 2, acceptor_.pause_ms()) < 0) {
        if (errno != EINTR) echo::pause_after_failed_wait();
        continue;
      }
      if (entries[0].revents == 0) accept_some();
    }
    listener_.reset();
    for (const auto& queue : queues_) queue->close();
  }

 private:
  void accept_some() {
    std::fill(woken_.begin(), woken_.end(), false);
    for (int i = 0; i < server::accepts_in_a_row; ++i) {
      echo::Descriptor socket = acceptor_.accept(serving_.counters.open() + waiting());
      if (!socket) break;
      const std::size_t worker = dispatcher_.choose();
      if (!queues_[worker]->put(socket)) {
        serving_.counters.shed(server::Shed::queue_full);
        continue;
      }
      woken_[worker] = true;
    }
    for (std::size_t i = 0; i < woken_.size(); ++i) {
      if (woken_[i]) queues_[i]->wake();
    }
  }
  [[nodiscard]] std::uint64_t waiting() const {
    std::uint64_t sum = 0;
    for (const auto& queue : queues_) sum += queue->waiting();
    return sum;
  }

  const server::Serving& serving_;
  HandoffQueues& queues_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  Dispatcher dispatcher_;
  std::vector<bool> woken_;  ///< the queues to wake, by worker
};

void serve_from(const server::Serving& serving, HandoffQueue& queue, unsigned worker) {
  NestedEpoll loop{serving, worker};
  bool exhausted = false;
  loop.watch_source(queue.fd(), [&] {
    queue.clear();
    const bool closed = queue.is_closed();  // read before the last take(): nothing is missed
    while (echo::Descriptor socket = queue.take()) loop.add(std::move(socket));
    exhausted = closed;
  });
  loop.run([] {}, [&exhausted] { return exhausted; });
}

void serve(const server::Serving& serving, const Options& options) {
  HandoffQueues queues;
  for (std::uint64_t i = 0; i < options.workers; ++i)
    queues.push_back(std::make_unique<HandoffQueue>());
  AcceptorThread acceptor_thread{serving, options.dispatch, queues};
  std::exception_ptr acceptor_error;
  std::exception_ptr worker_error;
  std::thread thread([&] {
    try {
      acceptor_thread.run();
    } catch (...) {
      acceptor_error = std::current_exception();
      serving.stop.request_force();
    }
  });
  try {
    server::run_workers(serving, static_cast<unsigned>(options.workers),
                        [&](unsigned worker) { serve_from(serving, *queues[worker], worker); });
  } catch (...) {  // the stop is forced by now, so the acceptor ends
    worker_error = std::current_exception();
  }
  thread.join();
  if (acceptor_error) std::rethrow_exception(acceptor_error);
  if (worker_error) std::rethrow_exception(worker_error);
}

limits::Demand demand(const Options& options, std::uint64_t connections) {
  // Each loop's table extends to the highest descriptor of the process.
  limits::Traits traits = limits::event_traits(sizeof(Connection) * options.workers, 0);
  traits.fixed_threads += options.workers + 1;
  traits.fixed_descriptors += 8 * options.workers;
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  auto options = std::make_shared<Options>();
  server::add_workers(app, options->workers,
                      "Loops, each with its own thread; one more thread accepts");
  echo::add_choice(app, "--dispatch", "How connections are distributed over the workers",
                   {"round-robin", "least"}, [options](std::size_t choice) {
                     options->dispatch = choice == 0 ? Dispatch::round_robin : Dispatch::least;
                   });
  return {.check = {},
          .shape =
              [options](const server::ServerOptions&) {
                return server::Shape{.workers = static_cast<unsigned>(options->workers)};
              },
          .demand = [options](const server::ServerOptions&,
                              std::uint64_t connections) { return demand(*options, connections); },
          .serve = [options](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace

extern constinit const server::Model hand_off{
    "hand-off", "one thread accepts and hands connections to several loops, without locks",
    configure};

}  // namespace echo_async
