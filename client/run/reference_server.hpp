// The smallest correct echo server, in its own process: `client --calibrate` measures the client
// against it.
//
// Small: one thread, one level-triggered epoll, one buffer, no options. Correct: bytes that a
// connection does not accept are kept, and no more is read from it until they are sent; nothing is
// dropped, and no connection waits for another. It is a process and not a thread, so that the
// client's CPU clock covers the client alone and the server has its own.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace client {

/// Listens on 127.0.0.1 from construction to destruction. The process ends with the thread that
/// created it, however that thread ends (prctl(2), PR_SET_PDEATHSIG): that thread must outlive the
/// use. Construct it before threads exist that hold locks: the child would inherit them.
class ReferenceServer {
 public:
  /// Throws std::system_error that names the call that failed.
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
