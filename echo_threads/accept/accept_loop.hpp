// A worker that accepts for itself: one connection after another, the kernel's queue before it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "echo/descriptor.hpp"
#include "server/model.hpp"

namespace echo_threads {

/// What a worker reads into: its own for all of its connections, so that none is made for each.
class Buffer {
 public:
  explicit Buffer(std::size_t size)
      : bytes_(std::make_unique_for_overwrite<std::byte[]>(size)), size_(size) {}
  [[nodiscard]] std::span<std::byte> bytes() { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_;
};

/// While it lives, a worker waits for a connection, and is counted idle for so long.
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

/// Accepts, counts as opened by `worker`, has it served, and so on until a drain begins. With
/// --max-connections what goes beyond is closed, exactly, however many workers accept.
void serve_each(const server::Serving& serving, unsigned worker, int listener,
                const std::function<void(echo::Descriptor, std::span<std::byte>)>& serve);

}  // namespace echo_threads
