// The connections that blocked threads serve, so that a stop can reach them.
//
// A thread in recv(2) waits for its socket only. A stop therefore calls shutdown(2) on that socket
// from another thread: recv returns what is queued and then EOF. The trap is the descriptor's
// number: after it is closed here, it may be another connection's before the stop uses it. So each
// worker has a slot with its connection, protected by a lock. The lock is taken twice per
// connection, never per message, and is nearly never contended.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <thread>

#include "echo/descriptor.hpp"
#include "server/model.hpp"

namespace echo_threads {

class ActiveConnections {
 public:
  explicit ActiveConnections(const server::Serving& serving, unsigned workers);

  /// Serves a connection, already counted as opened by `worker`, until it or a stop ends it.
  void serve(unsigned worker, echo::Descriptor connection, std::span<std::byte> buffer);

  /// Calls shutdown(2) on the connections in service and on every later one. SHUT_RD lets them
  /// finish; SHUT_RDWR ends them, and they count as open.
  void shut_down(int how);

 private:
  static constexpr int open = -1;
  struct alignas(64) Slot {
    std::mutex mutex;
    int connection = -1;
  };
  void set_slot(Slot& slot, int connection);
  [[nodiscard]] bool forced() const;

  const server::Serving& serving_;
  unsigned workers_;
  std::unique_ptr<Slot[]> slots_;
  std::atomic<int> how_{open};
};

/// Carries out a stop, on its own thread: at the drain it stops listening and lets connections
/// finish; when the stop is forced, it ends them. Must live as long as the workers serve.
class StopWatcher {
 public:
  StopWatcher(const echo::Stop& stop, int listener, ActiveConnections& active);
  ~StopWatcher();
  StopWatcher(const StopWatcher&) = delete;
  StopWatcher& operator=(const StopWatcher&) = delete;

 private:
  void watch();
  /// Waits. True: `fd` is readable; false: the destructor has been called.
  [[nodiscard]] bool waits_for(int fd) const;

  const echo::Stop& stop_;
  int listener_;
  ActiveConnections& active_;
  echo::Descriptor done_;
  std::thread thread_;
};

}  // namespace echo_threads
