#include "server/counters.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

#include "limits/cpu.hpp"

namespace server {

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
    case Shed::processes:
      return "processes";
    case Shed::queue_full:
      return "queue_full";
    case Shed::fd_setsize:
      return "fd_setsize";
    case Shed::epoll_watches:
      return "epoll_watches";
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

Counters::Counters(Counters& whole, unsigned first, unsigned workers)
    : first_(whole.first_ + first),
      workers_(workers),
      pages_(nullptr, Unmap{0}),
      shared_(whole.shared_),
      counts_(whole.counts_ + first) {}

namespace {

void raise_to(std::atomic<std::uint64_t>& maximum, std::uint64_t value) {
  std::uint64_t seen = maximum.load(std::memory_order_relaxed);
  while (seen < value && !maximum.compare_exchange_weak(seen, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

void Counters::opened(unsigned worker) {
  counts_[worker].accepted.fetch_add(1, std::memory_order_relaxed);
  raise_to(shared_->max, shared_->open.fetch_add(1, std::memory_order_relaxed) + 1);
}

void Counters::announce(unsigned worker) {
  counts_[worker].accepted.fetch_add(1, std::memory_order_relaxed);
  shared_->open.fetch_add(1, std::memory_order_relaxed);
}
void Counters::confirm() {
  raise_to(shared_->max, shared_->open.load(std::memory_order_relaxed));
}
void Counters::withdraw(unsigned worker) {
  counts_[worker].accepted.fetch_sub(1, std::memory_order_relaxed);
  shared_->open.fetch_sub(1, std::memory_order_relaxed);
}

bool Counters::try_open(unsigned worker, std::optional<std::uint64_t> limit) {
  std::uint64_t open = shared_->open.load(std::memory_order_relaxed);
  do {
    if (limit && open >= *limit) return false;
  } while (!shared_->open.compare_exchange_weak(open, open + 1, std::memory_order_relaxed));
  raise_to(shared_->max, open + 1);
  counts_[worker].accepted.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Counters::closed(unsigned worker) {
  counts_[worker].closed.fetch_add(1, std::memory_order_relaxed);
  shared_->open.fetch_sub(1, std::memory_order_relaxed);
}

void Counters::not_sent(unsigned worker, std::uint64_t bytes) {
  for (unsigned i = 0; i < workers_ && bytes > 0; ++i) {
    auto& counted = counts_[(worker + i) % workers_].bytes;
    std::uint64_t seen = counted.load(std::memory_order_relaxed);
    while (!counted.compare_exchange_weak(seen, seen - std::min(seen, bytes),
                                          std::memory_order_relaxed)) {
    }
    bytes -= std::min(seen, bytes);
  }
}

void Counters::shed(Shed cause) {
  shared_->shed[static_cast<std::size_t>(cause)].fetch_add(1, std::memory_order_relaxed);
}

void Counters::timed_out() {
  shared_->timed_out.fetch_add(1, std::memory_order_relaxed);
}
void Counters::replaced() {
  shared_->replaced.fetch_add(1, std::memory_order_relaxed);
}
void Counters::child_ended(std::uint64_t peak_resident_bytes) {
  shared_->children.fetch_add(1, std::memory_order_relaxed);
  raise_to(shared_->largest_child, peak_resident_bytes);
}
void Counters::settle(unsigned worker) {
  WorkerCounts& counts = counts_[worker];
  const std::uint64_t left = counts.accepted.load() - counts.closed.load();
  counts.closed.fetch_add(left);
  shared_->open.fetch_sub(left);
  counts.clock.store(0);
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

std::uint64_t Counters::timed_out_count() const {
  return shared_->timed_out.load(std::memory_order_relaxed);
}
std::uint64_t Counters::replaced_count() const {
  return shared_->replaced.load(std::memory_order_relaxed);
}
std::uint64_t Counters::children() const {
  return shared_->children.load(std::memory_order_relaxed);
}
std::uint64_t Counters::largest_child_bytes() const {
  return shared_->largest_child.load(std::memory_order_relaxed);
}

std::optional<std::chrono::nanoseconds> Counters::cpu_time(unsigned worker) const {
  const WorkerCounts& counts = counts_[worker];
  const auto ended = std::chrono::nanoseconds{static_cast<std::int64_t>(counts.cpu_ns.load())};
  const clockid_t clock = counts.clock.load();
  if (clock != 0) {
    const auto now = limits::cpu_time_of(clock);
    return now ? std::optional{ended + *now} : std::nullopt;
  }
  if (workers_ > 1 || ended.count() > 0) return ended;
  const auto process = limits::cpu_time_of(CLOCK_PROCESS_CPUTIME_ID);
  return process ? std::optional{*process + limits::waited_children_cpu_time()} : std::nullopt;
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

}  // namespace server
