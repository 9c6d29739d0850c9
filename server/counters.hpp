// What a server counts: a cache line a worker, added up on read.
//
// The lines lie in shared memory (MAP_SHARED), so that forked workers and threads count alike and a
// killed worker's figures survive it. Open and max are shared by all workers: the maximum of a sum
// cannot be had from the parts' maxima. The law, checked by the conformance suite for every model:
// accepted == closed + open_at_stop.
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

/// Why a connection was accepted and closed at once, or could not be served.
enum class Shed {
  max_connections,
  descriptors,
  memory,
  threads,    ///< no thread could be started
  processes,  ///< no process could be forked
  queue_full,
  fd_setsize,  ///< a descriptor that select(2) cannot hold
  exception
};
inline constexpr std::size_t shed_causes = 8;
std::string_view name_of(Shed cause);

/// One worker's counts. Written by that worker, or by every thread of a model that has no workers.
struct alignas(64) WorkerCounts {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> closed{0};
  std::atomic<std::uint64_t> messages{0};  ///< one read that returned bytes: TCP has no messages
  std::atomic<std::uint64_t> bytes{0};     ///< echoed
  std::atomic<std::uint64_t> cpu_ns{0};    ///< of the threads or processes that have ended
  std::atomic<std::uint64_t> idle_ns{0};   ///< waited for a connection to serve; pools alone
  /// CPU clock of the thread or process that works now; 0 (CLOCK_REALTIME): none does.
  std::atomic<clockid_t> clock{0};
};
static_assert(sizeof(WorkerCounts) == 64);

class Counters {
 public:
  /// Throws std::system_error when the pages cannot be had.
  explicit Counters(unsigned workers);

  [[nodiscard]] unsigned workers() const { return workers_; }
  [[nodiscard]] WorkerCounts& worker(unsigned index) { return counts_[index]; }
  [[nodiscard]] const WorkerCounts& worker(unsigned index) const { return counts_[index]; }

  /// A connection is served from here on; before its first byte.
  void opened(unsigned worker);
  /// The same unless `limit` are open already: for workers that accept each for themselves, so that
  /// the limit holds exactly though many come at once. False: not opened.
  bool try_open(unsigned worker, std::optional<std::uint64_t> limit);
  /// It ended. Not called for those that a forced stop cuts: they are what is open at the stop.
  void closed(unsigned worker);
  void echoed(unsigned worker, std::uint64_t messages, std::uint64_t bytes) {
    counts_[worker].messages.fetch_add(messages, std::memory_order_relaxed);
    counts_[worker].bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
  void shed(Shed cause);
  /// A connection was closed for --idle-timeout; closed() is called as well.
  void timed_out();
  /// A worker process that died was replaced.
  void replaced();
  /// A child process ended, and had so much resident memory at its peak.
  void child_ended(std::uint64_t peak_resident_bytes);
  /// Closes what a worker that died had open. Only once it is dead.
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
  /// CPU time of one worker until now. A model without workers of its own has one line, and that
  /// is the whole process with the children it has waited for.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> cpu_time(unsigned worker) const;

 private:
  struct alignas(64) Shared {
    std::atomic<std::uint64_t> open{0};
    std::atomic<std::uint64_t> max{0};
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

  unsigned workers_;
  std::unique_ptr<std::byte, Unmap> pages_;
  Shared* shared_;
  WorkerCounts* counts_;
};

}  // namespace server
