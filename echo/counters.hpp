// What a server counts: a cache line a worker, added up on read.
//
// The lines lie in shared memory (MAP_SHARED), so that forked workers and threads count alike and a
// killed worker's figures survive it. Open and max are shared by all workers: the maximum of a sum
// cannot be had from the parts' maxima. The law, checked by the conformance suite for every model:
// accepted == closed + open_at_stop.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace echo {

/// Why a connection was accepted and closed at once, or could not be served.
enum class Shed { max_connections, descriptors, memory, threads, exception };
inline constexpr std::size_t shed_causes = 5;
std::string_view name_of(Shed cause);

/// One worker's counts. Written by that worker, or by every thread of a model that has no workers.
struct alignas(64) WorkerCounts {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> closed{0};
  std::atomic<std::uint64_t> messages{0};  ///< one read that returned bytes: TCP has no messages
  std::atomic<std::uint64_t> bytes{0};     ///< echoed
  std::atomic<std::uint64_t> cpu_ns{0};    ///< written by the worker as it ends
};

class Counters {
 public:
  /// Throws std::system_error when the pages cannot be had.
  explicit Counters(unsigned workers);

  [[nodiscard]] unsigned workers() const { return workers_; }
  [[nodiscard]] WorkerCounts& worker(unsigned index) { return counts_[index]; }
  [[nodiscard]] const WorkerCounts& worker(unsigned index) const { return counts_[index]; }

  /// A connection is served from here on; before its first byte.
  void opened(unsigned worker);
  /// It ended. Not called for those that a forced stop cuts: they are what is open at the stop.
  void closed(unsigned worker);
  void echoed(unsigned worker, std::uint64_t messages, std::uint64_t bytes) {
    counts_[worker].messages.fetch_add(messages, std::memory_order_relaxed);
    counts_[worker].bytes.fetch_add(bytes, std::memory_order_relaxed);
  }
  void shed(Shed cause);

  [[nodiscard]] std::uint64_t open() const;
  [[nodiscard]] std::uint64_t max_open() const;
  [[nodiscard]] std::uint64_t shed_count(Shed cause) const;
  [[nodiscard]] std::uint64_t accepted() const;
  [[nodiscard]] std::uint64_t closed() const;
  [[nodiscard]] std::uint64_t messages() const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct alignas(64) Shared {
    std::atomic<std::uint64_t> open{0};
    std::atomic<std::uint64_t> max{0};
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

}  // namespace echo
