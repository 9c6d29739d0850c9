#include "echo/counters.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace echo {

std::string_view name_of(Shed cause) {
  switch (cause) {
    case Shed::max_connections:
      return "max_connections";
    case Shed::descriptors:
      return "descriptors";
    case Shed::memory:
      return "memory";
    case Shed::threads:
      return "threads";
    case Shed::exception:
      return "exception";
  }
  return "unknown";
}

void Counters::Unmap::operator()(std::byte* pages) const {
  ::munmap(pages, bytes);
}

Counters::Counters(unsigned workers) : workers_(workers) {
  const std::size_t bytes = sizeof(Shared) + workers * sizeof(WorkerCounts);
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "mmap of the counters");
  }
  pages_ = {static_cast<std::byte*>(pages), Unmap{bytes}};
  shared_ = ::new (pages) Shared;
  counts_ = ::new (pages_.get() + sizeof(Shared)) WorkerCounts[workers];
}

void Counters::opened(unsigned worker) {
  counts_[worker].accepted.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t now = shared_->open.fetch_add(1, std::memory_order_relaxed) + 1;
  std::uint64_t seen = shared_->max.load(std::memory_order_relaxed);
  while (seen < now && !shared_->max.compare_exchange_weak(seen, now, std::memory_order_relaxed)) {
  }
}

void Counters::closed(unsigned worker) {
  counts_[worker].closed.fetch_add(1, std::memory_order_relaxed);
  shared_->open.fetch_sub(1, std::memory_order_relaxed);
}

void Counters::shed(Shed cause) {
  shared_->shed[static_cast<std::size_t>(cause)].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t Counters::open() const {
  return shared_->open.load(std::memory_order_relaxed);
}
std::uint64_t Counters::max_open() const {
  return shared_->max.load(std::memory_order_relaxed);
}
std::uint64_t Counters::shed_count(Shed cause) const {
  return shared_->shed[static_cast<std::size_t>(cause)].load(std::memory_order_relaxed);
}

std::uint64_t Counters::sum(std::atomic<std::uint64_t> WorkerCounts::*field) const {
  std::uint64_t total = 0;
  for (unsigned i = 0; i < workers_; ++i)
    total += (counts_[i].*field).load(std::memory_order_relaxed);
  return total;
}
std::uint64_t Counters::accepted() const {
  return sum(&WorkerCounts::accepted);
}
std::uint64_t Counters::closed() const {
  return sum(&WorkerCounts::closed);
}
std::uint64_t Counters::messages() const {
  return sum(&WorkerCounts::messages);
}
std::uint64_t Counters::bytes() const {
  return sum(&WorkerCounts::bytes);
}

}  // namespace echo
