// Probes of address space and of stacks; see probes.hpp.
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "limits/kernel.hpp"
#include "limits/quantity.hpp"
#include "limits/rlimit.hpp"
#include "limits/verify/prediction.hpp"
#include "limits/verify/probes.hpp"

namespace limits {
namespace {

constexpr std::uint64_t guard = 4096;

/// A stack as glibc maps one: nothing is accessible, then all but the guard is. False with errno.
bool map_stack(std::uint64_t stack_bytes) {
  const std::uint64_t all = stack_bytes + guard;
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
  void* stack = ::mmap(nullptr, all, PROT_NONE, flags, -1, 0);
  if (stack == MAP_FAILED) return false;
  return ::mprotect(static_cast<char*>(stack) + guard, stack_bytes, PROT_READ | PROT_WRITE) == 0;
}

/// Threads until a limit in bytes refuses a stack. 256 of 8 MiB: address space, not memory.
Finding stacks_until_refused(int resource, const char* name, const std::string& row,
                             std::uint64_t used) {
  constexpr std::uint64_t stack = 8U << 20U;
  constexpr std::uint64_t room = 2ULL << 30U;
  const std::uint64_t most = used + room;
  const Rlimit before = read_rlimit(resource);
  if (before.hard < most) return not_verified(std::string(name) + " is low already");
  const rlimit few{most, most};
  if (::setrlimit(static_cast<__rlimit_resource>(resource), &few) != 0)
    return not_verified(std::string("setrlimit of ") + name);
  Demand threads = nothing();
  threads.traits.threads_per_connection = 1;
  threads.traits.stack_bytes = stack + guard;
  threads.traits.guard_bytes = guard;
  threads.traits.fixed_virtual_bytes = used;
  Finding finding;
  finding.confined = ShortText<64>(std::string(name) + " " + format_bytes(most));
  finding.predicted = predicted(row, threads);
  int error = 0;
  finding.reached = start_waiting_threads(stack, guard, 2 * room / stack, error);
  finding.error = ShortText<64>(name_of_error(error));
  finding.verified = true;
  return finding;
}

}  // namespace

Finding probe_memory_maps() {
  constexpr std::uint64_t affordable = 300'000;  // ~200 B of the kernel's memory each, and the time
  constexpr std::uint64_t stack = 64U << 10U;
  const auto limit = Kernel{}.sysctl("vm.max_map_count");
  if (!limit) return not_verified("vm.max_map_count cannot be read");
  if (limit->value > affordable)
    return not_verified("vm.max_map_count is the host's, and too high to be reached");
  Demand stacks = nothing();
  stacks.traits.maps_per_connection = 2;
  stacks.traits.fixed_maps = own_maps();
  Finding finding;
  finding.confined = ShortText<64>("-");
  finding.predicted = predicted("memory maps", stacks);
  while (finding.reached < limit->value && map_stack(stack)) ++finding.reached;
  finding.error = ShortText<64>(name_of_error(errno));
  finding.verified = true;
  return finding;
}

Finding probe_address_space() {
  return stacks_until_refused(RLIMIT_AS, "RLIMIT_AS", "address space", own_address_bytes());
}

Finding probe_data_segment() {
  return stacks_until_refused(RLIMIT_DATA, "RLIMIT_DATA", "data segment", own_data_bytes());
}

Finding probe_user_addresses() {
  constexpr std::uint64_t piece = 256ULL << 30U;
  constexpr std::uint64_t more_than_fit = 1'000;
  if (read_rlimit(RLIMIT_AS).soft != unlimited) return not_verified("RLIMIT_AS is lower");
  Demand pieces = nothing();
  pieces.traits.threads_per_connection = 1;
  pieces.traits.stack_bytes = piece;
  pieces.traits.fixed_virtual_bytes = own_address_bytes();
  Finding finding;
  finding.confined = ShortText<64>("-");
  finding.predicted = predicted("user addresses", pieces);
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  while (finding.reached < more_than_fit &&
         ::mmap(nullptr, piece, PROT_NONE, flags, -1, 0) != MAP_FAILED) {
    ++finding.reached;
  }
  finding.error = ShortText<64>(name_of_error(errno));
  finding.verified = true;
  return finding;
}

Finding probe_smallest_stack() {
  Finding finding;
  finding.confined = ShortText<64>("-");
  // The same call as that of echo_threads' check of --stack-size.
  finding.predicted = static_cast<std::uint64_t>(::sysconf(_SC_THREAD_STACK_MIN));
  std::uint64_t refused = 0;
  std::uint64_t accepted = 1U << 20U;
  int error = 0;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  while (refused + 1 < accepted) {
    const std::uint64_t middle = refused + (accepted - refused) / 2;
    const int result = ::pthread_attr_setstacksize(&attributes, middle);
    (result == 0 ? accepted : refused) = middle;
    if (result != 0) error = result;
  }
  finding.reached = accepted;
  finding.error = ShortText<64>(name_of_error(error));
  finding.verified = true;
  return finding;
}

}  // namespace limits
