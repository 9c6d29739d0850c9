// A private network or mount namespace, for this thread and its children only.
//
// unshare(2) applies to one thread: what the thread opens or forks from then on lies in the new
// namespace, and the rest of the test program stays outside. It needs CAP_SYS_ADMIN.
#pragma once

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "echo/descriptor.hpp"

namespace faults {

/// Runs `body` in a new namespace (CLONE_NEWNET or CLONE_NEWNS). Returns the reason if that was not
/// possible, or an empty text.
template <typename Body>
std::string in_own_namespace(int kind, Body body) {
  std::string refusal;
  std::thread thread([&] {
    if (::unshare(kind) != 0) {
      refusal = std::string("unshare: ") + std::strerror(errno);
    } else if (kind == CLONE_NEWNS &&
               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      refusal = std::string("mount: ") + std::strerror(errno);
    } else {
      body();
    }
  });
  thread.join();
  return refusal;
}

/// The loopback interface of a new network namespace is down.
inline void bring_loopback_up() {
  const echo::Descriptor socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  ::ioctl(socket.get(), SIOCSIFFLAGS, &request);
}

}  // namespace faults
