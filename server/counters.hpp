// The counters of a server: one cache line per worker, added up on read.
//
// The lines lie in shared memory (MAP_SHARED), so forked workers and threads count in the same way,
// and the counts of a killed worker remain. All workers share `open` and `max`: the maximum of a
// sum cannot be computed from the maxima of its parts. The conformance suite checks this law for
// every model: accepted == closed + open_at_stop.
#pragma once

#include <time.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace server {

/// Why a connection was accepted and closed immediately, or could not be served.
enum class Shed {
  max_connections,
  descriptors,
  memory,
  threads,    ///< no thread could be started
  processes,  ///< no process could be forked
  queue_full,
  fd_setsize,     ///< a descriptor that select(2) cannot hold
  epoll_watches,  ///< as many descriptors are in epolls as fs.epoll.max_user_watches allows
  exception
};
inline constexpr std::size_t shed_causes = 9;
std::string_view name_of(Shed cause);

/// The counts of one worker. Written by that worker, or by every thread of a model without workers.
struct alignas(64) WorkerCounts {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> closed{0};
  std::atomic<std::uint64_t> messages{0};  ///< one read that returned bytes: TCP has no messages
  std::atomic<std::uint64_t> bytes{0};     ///< echoed
  std::atomic<std::uint64_t> cpu_ns{0};    ///< of the threads or processes that have ended
  std::atomic<std::uint64_t> idle_ns{0};   ///< waiting for a connection to serve; pools only
  /// CPU clock of the thread or process that works now; 0 (CLOCK_REALTIME): none.
  std::atomic<clockid_t> clock{0};
};
static_assert(sizeof(WorkerCounts) == 64);
/// WorkerCounts::clock of a group of threads, whose CPU time has no clock of its own: no valid id.
inline constexpr clockid_t no_clock = -1;

class Counters {
 public:
  /// Throws std::system_error when the pages cannot be mapped.
  explicit Counters(unsigned workers);
  /// `workers` lines of `whole`, which must live longer: worker 0 is the line `first` there. Counts
  /// of single workers are theirs; `open`, `max` and what is shed are those of the whole.
  Counters(Counters& whole, unsigned first, unsigned workers);

  [[nodiscard]] unsigned workers() const { return workers_; }
  /// The line of worker 0 in the whole.
  [[nodiscard]] unsigned first() const { return first_; }
  [[nodiscard]] WorkerCounts& worker(unsigned index) { return counts_[index]; }
  [[nodiscard]] const WorkerCounts& worker(unsigned index) const { return counts_[index]; }

  /// `worker` begins to serve a connection. Call it before the first byte is read.
  void opened(unsigned worker);
  /// The same unless `limit` connections are open already. For workers that accept independently:
  /// the limit is exact even when many connections arrive at the same time. False: not opened.
  bool try_open(unsigned worker, std::optional<std::uint64_t> limit);
  /// opened() in two steps, for a connection whose server is still to be started: `announce` before
  /// it can echo a byte, then `confirm`, or `withdraw` if it could not be started. A withdrawn
  /// connection was never accepted; the caller counts it as shed.
  void announce(unsigned worker);
  void confirm();
  void withdraw(unsigned worker);
  /// For models whose connections count against --max-connections before they are opened: one
  /// descriptor table holds `now` of them, and held `before` at the last call. Returns what all
  /// tables hold.
  std::uint64_t hold(std::uint64_t now, std::uint64_t before) {
    return shared_->held.fetch_add(now - before, std::memory_order_relaxed) + now - before;
  }
  /// A connection ended. Not called for those that a forced stop ends: they count as open at the
  /// stop.
  void closed(unsigned worker);
  void echoed(unsigned worker, std::uint64_t messages, std::uint64_t bytes) {
    WorkerCounts& counts = counts_[worker];
    counts.messages.fetch_add(messages, std::memory_order_relaxed);
    counts.bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
  /// Takes back `bytes` of echoed(): the kernel had taken them, and the connection ended before
  /// they were sent. The messages stay counted: they were read. Other workers may have served the
  /// connection, so what `worker` has not counted is taken back from them.
  void not_sent(unsigned worker, std::uint64_t bytes);
  void shed(Shed cause);
  /// A connection was closed by --idle-timeout or a deadline of its protocol; closed() is called as
  /// well.
  void timed_out();
  /// A worker process that died was replaced.
  void replaced();
  /// A child process ended; `peak_resident_bytes`: its peak resident memory.
  void child_ended(std::uint64_t peak_resident_bytes);
  /// Counts as closed the connections that a worker had open when it ended. Only after it ended.
  void settle(unsigned worker);

  [[nodiscard]] std::uint64_t open() const;
  [[nodiscard]] std::uint64_t max_open() const;
  [[nodiscard]] std::uint64_t shed_count(Shed cause) const;
  [[nodiscard]] std::uint64_t accepted() const;
  [[nodiscard]] std::uint64_t closed() const;
  [[nodiscard]] std::uint64_t messages() const;
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] std::uint64_t timed_out_count() const;
  [[nodiscard]] std::uint64_t replaced_count() const;
  [[nodiscard]] std::uint64_t children() const;
  [[nodiscard]] std::uint64_t largest_child_bytes() const;
  /// CPU time of one worker until now; nullopt when it cannot be read. A model without its own
  /// workers has one line: the whole process, with the children that it has waited for.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> cpu_time(unsigned worker) const;

 private:
  struct alignas(64) Shared {
    std::atomic<std::uint64_t> open{0};
    std::atomic<std::uint64_t> max{0};
    std::atomic<std::uint64_t> held{0};
    std::atomic<std::uint64_t> timed_out{0};
    std::atomic<std::uint64_t> replaced{0};
    std::atomic<std::uint64_t> children{0};
    std::atomic<std::uint64_t> largest_child{0};
    std::atomic<std::uint64_t> shed[shed_causes]{};
  };
  struct Unmap {
    std::size_t bytes;
    void operator()(std::byte* pages) const;
  };
  [[nodiscard]] std::uint64_t sum(std::atomic<std::uint64_t> WorkerCounts::*field) const;

  unsigned first_ = 0;
  unsigned workers_;
  std::unique_ptr<std::byte, Unmap> pages_;
  Shared* shared_;
  WorkerCounts* counts_;
};

}  // namespace server
