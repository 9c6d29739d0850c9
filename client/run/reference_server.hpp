// The smallest honest echo server, in a process of its own: what `client --calibrate` measures
// itself against.
//
// Small: one thread, one epoll, level-triggered, one buffer, no option. Honest: what a peer does
// not take is kept for it, and no more is read from it until it has; nothing is thrown away, nobody
// is made to wait for another. A process and not a thread, so that the client's CPU clock stays the
// client's and the reference has one of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace client {

/// Listens on 127.0.0.1 from its construction to its destruction. The process dies with the thread
/// that made it (prctl(2), PR_SET_PDEATHSIG), however that ends: make it on one that outlives its
/// use. Made before other threads are, or the child takes over whatever locks they hold.
class ReferenceServer {
 public:
  /// Throws std::system_error naming what failed.
  ReferenceServer();
  ~ReferenceServer();
  ReferenceServer(const ReferenceServer&) = delete;
  ReferenceServer& operator=(const ReferenceServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// For its CPU clock (limits::cpu_time) and --server-pid.
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace client
