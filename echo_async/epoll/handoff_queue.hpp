// The queue of connections from the thread that accepts them to the loop that serves them.
//
// One writer, one reader, no lock: Boost.Lockfree's ring, and an eventfd that wakes the reader. The
// writer wakes it once for all connections added since the last time.
#pragma once

#include <sys/eventfd.h>

#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include "echo/descriptor.hpp"

namespace echo_async {

class HandoffQueue {
 public:
  static constexpr std::size_t capacity = 8192;

  HandoffQueue() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), queue_(capacity) {
    if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  /// Closes the connections that were never taken.
  ~HandoffQueue() {
    while (take()) {
    }
  }
  HandoffQueue(const HandoffQueue&) = delete;
  HandoffQueue& operator=(const HandoffQueue&) = delete;

  /// For the writer. Returns false if the queue is full; the caller then keeps the descriptor.
  bool put(echo::Descriptor& socket) {
    if (!queue_.push(socket.get())) return false;
    [[maybe_unused]] const int sent = socket.release();
    waiting_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  /// For the writer: no connection will follow.
  void close() {
    closed_ = true;
    wake();
  }
  void wake() { ::eventfd_write(event_.get(), 1); }

  /// For the reader: readable after a wake().
  [[nodiscard]] int fd() const { return event_.get(); }
  void clear() {
    eventfd_t ignored = 0;
    ::eventfd_read(event_.get(), &ignored);
  }
  /// For the reader. Returns an empty descriptor if the queue is empty.
  echo::Descriptor take() {
    int fd = -1;
    if (!queue_.pop(fd)) return echo::Descriptor{};
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return echo::Descriptor{fd};
  }
  /// For any thread: connections added and not yet taken.
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool is_closed() const { return closed_; }

 private:
  echo::Descriptor event_;
  boost::lockfree::spsc_queue<int> queue_;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<bool> closed_{false};
};

}  // namespace echo_async
