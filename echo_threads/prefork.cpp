// A fixed number of processes; each accepts its own connections and serves one at a time.
//
// It has the isolation of fork(2) without a fork per connection: a worker that crashes loses one
// connection, and a new worker replaces it. It wins with code that must not share memory, is not
// thread-safe, or leaks (Apache's prefork, PHP-FPM). Like every pool, it breaks with as many silent
// peers as workers; and each worker is a process, busy or not. Workers wait with EPOLLEXCLUSIVE, so
// a connection wakes one of them instead of all; this costs one epoll descriptor per worker.
// Source: Stevens, Fenner and Rudoff, UNIX Network Programming 1, chapter 30, "preforked server".
// Compare: diff echo_threads/prefork.cpp echo_threads/pool_accept.cpp
// Try it: ./echo_threads --model prefork & ./client --mode churn -n 50
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/accept/exclusive_acceptor.hpp"
#include "echo_threads/pool/pool_options.hpp"
#include "echo_threads/process/children.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"
#include "server/workers.hpp"

namespace echo_threads {
namespace {

using Clock = std::chrono::steady_clock;

/// The parent. It serves no connection: it starts and replaces the workers.
class Server {
 public:
  Server(const server::Serving& serving, unsigned workers)
      : serving_(serving),
        listener_(std::move(serving.listeners.take().front())),
        slots_(workers) {}

  void run() {
    for (unsigned i = 0; i < slots_.size(); ++i) start_first(i);
    while (wait()) {
      children_.reap([this](const Children::Ended& ended) { on_exit(ended); });
      restart_exited();
    }
    stop_listening(listener_.get());
    children_.stop(serving_.stop, [this](const Children::Ended& ended) { settle_counters(ended); });
  }

 private:
  /// After a worker that lived longer than this, the back-off starts again: its replacement starts
  /// after 10 ms. A worker that dies immediately each time is replaced at most twice per second.
  static constexpr std::chrono::seconds long_life{1};

  struct WorkerSlot {
    Clock::time_point started;
    std::optional<Clock::time_point> restart_at;  ///< no worker until then; unset: one runs
    server::BackOff back_off;
  };

  /// fork fails with EAGAIN for causes that may pass. So it tries a few times; a server without all
  /// of its workers does not begin.
  void start_first(unsigned worker) {
    for (int attempt = 0; !start(worker); ++attempt) {
      if (attempt == 2) throw std::system_error(errno, std::generic_category(), "fork of a worker");
      echo::pause_after_failed_wait();
    }
  }

  bool start(unsigned worker) {
    echo::Descriptor none;  // nothing is handed over: the parent keeps the listener too
    const int listener = listener_.get();
    const int drain = serving_.stop.drain_fd();
    const auto [first, second] = std::minmax(listener, drain);
    slots_[worker].started = Clock::now();
    return children_.start(
        worker, {first, second}, [this, worker, listener](int) { work(worker, listener); }, none);
  }

  /// The work of a worker, in its own process.
  void work(unsigned worker, int listener) {
    const server::WorkerScope scope{serving_, worker, server::WorkerScope::Kind::process};
    serve_each(serving_, worker, listener, [&](echo::Descriptor connection, auto buffer) {
      serve_in_child(connection.get(), buffer, serving_, worker);
      connection.reset();
      if (!stop_was_forced_in_child()) serving_.counters.closed(worker);
    });
  }

  /// False once a drain has begun; true when a worker has ended or is due to be replaced.
  bool wait() {
    std::optional<Clock::time_point> next;
    for (const WorkerSlot& slot : slots_) {
      if (slot.restart_at && (!next || *slot.restart_at < *next)) next = slot.restart_at;
    }
    int timeout_ms = -1;
    if (next) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now());
      timeout_ms = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    pollfd entries[2] = {{serving_.stop.drain_fd(), POLLIN, 0}, {children_.ended_fd(), POLLIN, 0}};
    if (::poll(entries, 2, timeout_ms) < 0 && errno != EINTR) echo::pause_after_failed_wait();
    return entries[0].revents == 0;
  }

  void on_exit(const Children::Ended& ended) {
    settle_counters(ended);
    WorkerSlot& slot = slots_[ended.slot];
    if (Clock::now() - slot.started > long_life) slot.back_off.reset();
    slot.restart_at = Clock::now() + slot.back_off.next();
  }

  /// Counts the CPU time and the open connection of a worker that was killed; a worker that
  /// returned has counted them itself.
  void settle_counters(const Children::Ended& ended) {
    server::WorkerCounts& counts = serving_.counters.worker(ended.slot);
    if (counts.clock.exchange(0) != 0)
      counts.cpu_ns += static_cast<std::uint64_t>(ended.cpu.count());
    if (!ended.forced) serving_.counters.settle(ended.slot);
  }

  void restart_exited() {
    for (unsigned i = 0; i < slots_.size(); ++i) {
      WorkerSlot& slot = slots_[i];
      if (!slot.restart_at || *slot.restart_at > Clock::now()) continue;
      if (start(i)) {
        slot.restart_at.reset();
        serving_.counters.replaced();
      } else {
        slot.restart_at = Clock::now() + slot.back_off.next();
      }
    }
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  std::vector<WorkerSlot> slots_;
  Children children_{serving_.counters};
};

void serve(const server::Serving& serving, const PoolOptions& options) {
  Server{serving, options.worker_count()}.run();
}

limits::Demand demand(const PoolOptions& options, std::uint64_t connections) {
  limits::Traits traits;
  traits.descriptors_per_connection = 0;  // each is in the table of its worker
  traits.fixed_threads += options.workers;
  traits.fixed_descriptors += options.workers;  // a pidfd per worker
  traits.fixed_files += 3 * options.workers;    // its epoll, its reserve, the socket it serves
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  const auto options = add_pool_options(app, "Processes, each of which serves one connection");
  return {.check = {},
          .shape = [options](const server::ServerOptions&) { return shape_of(*options); },
          .demand = [options](const server::ServerOptions&,
                              std::uint64_t connections) { return demand(*options, connections); },
          .serve = [options](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace

extern constinit const server::Model prefork{
    "prefork", "a pool of processes that accept for themselves, one connection each", configure};

}  // namespace echo_threads
