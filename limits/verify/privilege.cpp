#include "limits/verify/privilege.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace limits {
namespace {

std::string failed(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

/// unshare(2) with `flags`; where that needs a privilege, with a user namespace of its own too.
std::string unshare_with_or_without_privilege(int flags, const char* what) {
  if (::unshare(flags) == 0 || ::unshare(CLONE_NEWUSER | flags) == 0) return "";
  return failed(what);
}

}  // namespace

std::string give_up_hard_limits() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return failed("capget");
  constexpr std::uint32_t bit = 1U << CAP_SYS_RESOURCE;
  static_assert(CAP_SYS_RESOURCE < 32, "it is in the first of the two words");
  data[0].effective &= ~bit;
  data[0].permitted &= ~bit;
  data[0].inheritable &= ~bit;
  return ::syscall(SYS_capset, &header, data) == 0 ? "" : failed("capset");
}

std::string become_unused_user() {
  const auto user = static_cast<uid_t>(100'000 + ::getpid());
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 ||
      ::setresuid(user, user, user) != 0) {
    return failed("a user without other processes needs CAP_SETUID");
  }
  return "";
}

std::string count_tasks_apart() {
  const bool is_root = ::getuid() == 0;
  std::string reason = become_unused_user();
  if (reason.empty() || is_root) return reason;  // root of any namespace may be exempt
  return ::unshare(CLONE_NEWUSER) == 0 ? "" : failed("a user namespace");
}

std::string enter_network_namespace() {
  std::string reason = unshare_with_or_without_privilege(CLONE_NEWNET, "a network namespace");
  if (!reason.empty()) return reason;
  const int any = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (any < 0) return failed("socket");
  ifreq loopback{};
  std::strcpy(loopback.ifr_name, "lo");
  loopback.ifr_flags = IFF_UP;
  if (::ioctl(any, SIOCSIFFLAGS, &loopback) != 0) reason = failed("loopback of the namespace");
  ::close(any);
  return reason;
}

std::string leave_pid_namespace() {
  return unshare_with_or_without_privilege(CLONE_NEWPID | CLONE_NEWNS, "a pid namespace");
}

std::string mount_own_proc() {
  // Nothing of it reaches the mounts of others.
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("private /");
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return failed("a /proc of the pid namespace");
  return "";
}

std::string write_setting(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return failed(path.c_str());
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  std::string reason = written ? "" : failed(path.c_str());
  ::close(file);
  return reason;
}

}  // namespace limits
