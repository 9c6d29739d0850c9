// The connections that blocked threads serve, where a stop can reach them.
//
// A thread in recv(2) hears of nothing but its socket, so the stop speaks to it through that:
// shutdown(2) from another thread makes recv return what is queued and then the end. The trap is
// the descriptor's number: closed here, it may belong to someone else by the time a stop gets to
// it. So each worker has a slot that says what it serves, and a lock on it for as long as somebody
// looks. It is taken twice a connection, never for a message, and nearly never contended.
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

  /// Serves a connection that is counted as opened by `worker` until it ends, or a stop ends it.
  void serve(unsigned worker, echo::Descriptor connection, std::span<std::byte> buffer);

  /// Every connection from now on, and those in service, gets this shutdown(2): SHUT_RD lets it
  /// finish; SHUT_RDWR cuts it, and it then counts as open.
  void shut_down(int how);

 private:
  static constexpr int open = -1;
  struct alignas(64) Slot {
    std::mutex mutex;
    int connection = -1;
  };
  void set_slot(Slot& slot, int connection);
  [[nodiscard]] bool cut() const;

  const server::Serving& serving_;
  unsigned workers_;
  std::unique_ptr<Slot[]> slots_;
  std::atomic<int> how_{open};
};

/// Tells a stop to all that wait or serve: listens no more at the drain and lets connections
/// finish, cuts them when it is forced. Lives as long as the serving.
class StopWatch {
 public:
  StopWatch(const echo::Stop& stop, int listener, ActiveConnections& active);
  ~StopWatch();
  StopWatch(const StopWatch&) = delete;
  StopWatch& operator=(const StopWatch&) = delete;

 private:
  void watch();
  /// Waits until `fd` is readable: true; or until the serving is over.
  [[nodiscard]] bool waits_for(int fd) const;

  const echo::Stop& stop_;
  int listener_;
  ActiveConnections& active_;
  echo::Descriptor done_;
  std::thread thread_;
};

}  // namespace echo_threads
