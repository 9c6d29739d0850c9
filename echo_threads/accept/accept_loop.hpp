// The loop of a worker that accepts its own connections from the kernel's queue, one after another.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "echo/descriptor.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// The read buffer of a worker. All of its connections use it in turn, so none is allocated per
/// connection.
class Buffer {
 public:
  explicit Buffer(std::size_t size)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}
  [[nodiscard]] std::span<std::byte> bytes() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

/// Adds its own lifetime to the worker's idle time: the worker waits for a connection meanwhile.
class IdleTime {
 public:
  explicit IdleTime(server::WorkerCounts& counts) : counts_(counts) {}
  ~IdleTime() {
    const std::chrono::nanoseconds idle = Clock::now() - since_;
    counts_.idle_ns += static_cast<std::uint64_t>(idle.count());
  }
  IdleTime(const IdleTime&) = delete;
  IdleTime& operator=(const IdleTime&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  server::WorkerCounts& counts_;
  Clock::time_point since_ = Clock::now();
};

/// Accepts a connection, counts it as opened by `worker`, calls `serve` and repeats, until a drain
/// begins. Connections beyond --max-connections are closed; the limit is exact, however many
/// workers accept.
void serve_each(const server::Serving& serving, unsigned worker, int listener,
                const std::function<void(echo::Descriptor, std::span<std::byte>)>& serve);

}  // namespace echo_threads
