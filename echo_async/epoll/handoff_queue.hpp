// Connections on their way from the thread that accepted them to the loop that will serve them.
//
// One writer, one reader, no lock: Boost.Lockfree's ring, and an eventfd that wakes the reader. The
// writer wakes it once for all that it has put in since the last time.
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
  /// Closes what was put in and never taken.
  ~HandoffQueue() {
    while (take()) {
    }
  }
  HandoffQueue(const HandoffQueue&) = delete;
  HandoffQueue& operator=(const HandoffQueue&) = delete;

  /// The writer's. False when it is full: the descriptor stays with the caller.
  bool put(echo::Descriptor& socket) {
    if (!queue_.push(socket.get())) return false;
    [[maybe_unused]] const int sent = socket.release();
    waiting_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  /// The writer's: nothing more will come.
  void close() {
    closed_ = true;
    wake();
  }
  void wake() { ::eventfd_write(event_.get(), 1); }

  /// The reader's: readable after a wake.
  [[nodiscard]] int fd() const { return event_.get(); }
  void clear() {
    eventfd_t ignored = 0;
    ::eventfd_read(event_.get(), &ignored);
  }
  /// The reader's: an empty descriptor when nothing is there.
  echo::Descriptor take() {
    int fd = -1;
    if (!queue_.pop(fd)) return echo::Descriptor{};
    waiting_.fetch_sub(1, std::memory_order_relaxed);
    return echo::Descriptor{fd};
  }
  /// Anybody's: put in and not yet taken.
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool is_closed() const { return closed_; }

 private:
  echo::Descriptor event_;
  boost::lockfree::spsc_queue<int> queue_;
  std::atomic<std::size_t> waiting_{0};
  std::atomic<bool> closed_{false};
};

}  // namespace echo_async
