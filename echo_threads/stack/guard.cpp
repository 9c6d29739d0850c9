#include "echo_threads/stack/guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102  // asm-generic/mman-common.h, Linux 6.13; glibc 2.36 lacks it
#endif

namespace echo_threads {

GuardMethod guard_method_of_this_kernel() {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* const probe =
      ::mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return GuardMethod::protect;
  // The kernel reads the name for access(2): EFAULT instead of a signal.
  const bool installed = ::madvise(probe, page, MADV_GUARD_INSTALL) == 0 &&
                         ::access(static_cast<const char*>(probe), F_OK) != 0 && errno == EFAULT;
  ::munmap(probe, page);
  return installed ? GuardMethod::install : GuardMethod::protect;
}

bool make_guard(std::byte* lowest, std::size_t bytes, GuardMethod method) {
  if (method == GuardMethod::install) {
    if (::madvise(lowest, bytes, MADV_GUARD_INSTALL) == 0) return true;
    if (errno != EINVAL) return false;  // EINVAL: locked memory (mlockall(2)) takes no such marks
  }
  return ::mprotect(lowest, bytes, PROT_NONE) == 0;
}

}  // namespace echo_threads
