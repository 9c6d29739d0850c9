// What N connections need; see demand.hpp. Figures: docs/kernel-costs.md.
#include "limits/demand.hpp"

#include <sys/select.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "limits/saturating.hpp"

namespace limits {
namespace {

constexpr std::uint64_t connection_slab = 4'050;  // one end: tcp sock, inode, file, dentry, epitem
constexpr std::uint64_t thread_resident = 8'480;  // two stack pages touched, and glibc's share
constexpr std::uint64_t thread_kernel_stack = 16'384;
constexpr std::uint64_t thread_slab = 7'000;  // task_struct and what hangs on it
constexpr std::uint64_t thread_page_tables = 75;
constexpr std::uint64_t thread_task_frag = 32'768;  // kept by every thread that ever sent on TCP
constexpr std::uint64_t page_table_page = 4'096;    // one more for each stack of 2 MiB or more
constexpr std::uint64_t large_stack = 2ULL << 20;
constexpr std::uint64_t maps_per_guarded_stack = 2;  // the stack and its guard
constexpr std::uint64_t default_guard = 4'096;
constexpr std::uint64_t client_session = 256;  // a session's state; no buffer of its own
constexpr std::uint64_t callbacks_session = 672;
constexpr std::uint64_t coroutine_session = 944;
constexpr std::uint64_t stackful_session = 400 + 4'096;  // and the first page of its stack
constexpr std::uint64_t stackful_stack = 64U << 10U;     // the default --stack-size
constexpr std::uint64_t loop_session = 16;
constexpr std::uint64_t pool_workers = 8;  // the servers' default --workers
constexpr std::uint64_t ring_session = 32;
constexpr std::uint64_t buffer = 1'024;  // the servers' default --buffer-size
// A forked child that echoes 64 B messages, measured with 2,000 of them.
constexpr std::uint64_t process_private_pages = 68U
                                                << 10U;    // written, hence copied (Private_Dirty)
constexpr std::uint64_t process_page_tables = 56U << 10U;  // of ~1 MiB that it shares
constexpr std::uint64_t process_slab = 9U << 10U;          // task_struct and mm_struct, rounded
// Image, libraries, heap. Not glibc's 64 MiB arenas: when mmap refuses one, malloc shares another.
constexpr std::uint64_t program_virtual = 64ULL << 20;

std::uint64_t scaled(std::uint64_t connections, double each) {
  if (!(each > 0)) return 0;
  if (each < 1e18 && each == std::floor(each)) {  // exact beyond 2^53, where doubles are not
    return saturating_multiply(connections, static_cast<std::uint64_t>(each));
  }
  const double product = std::ceil(static_cast<double>(connections) * each);
  return product < 1.8e19 ? static_cast<std::uint64_t>(product) : unlimited;
}

}  // namespace

std::uint64_t Demand::descriptors() const {
  return saturating_add(traits.fixed_descriptors,
                        scaled(connections, traits.descriptors_per_connection));
}

std::uint64_t Demand::files() const {
  const std::uint64_t across = saturating_add(traits.fixed_descriptors, connections);
  return std::max(descriptors(), across);
}

std::uint64_t Demand::threads() const {
  const std::uint64_t growing =
      saturating_add(scaled(connections, traits.threads_per_connection),
                     scaled(connections, traits.processes_per_connection));
  return saturating_add(traits.fixed_threads, growing);
}

std::uint64_t Demand::maps() const {
  return saturating_add(traits.fixed_maps, scaled(connections, traits.maps_per_connection));
}

std::uint64_t Demand::memory_bytes() const {
  return saturating_add(
      traits.fixed_bytes,
      saturating_multiply(connections, saturating_add(traits.resident_bytes, traits.kernel_bytes)));
}

std::uint64_t Demand::virtual_bytes() const {
  const std::uint64_t stacks =
      saturating_multiply(scaled(connections, traits.threads_per_connection), traits.stack_bytes);
  const std::uint64_t user =
      saturating_multiply(connections, saturating_add(traits.resident_bytes, traits.virtual_bytes));
  return saturating_add(program_virtual, saturating_add(stacks, user));
}

Traits thread_traits(std::uint64_t stack_bytes, std::uint64_t guard_bytes) {
  Traits traits;
  traits.threads_per_connection = 1;
  traits.maps_per_connection = guard_bytes > 0 ? double{maps_per_guarded_stack} : 1.0;
  traits.resident_bytes = thread_resident;
  traits.kernel_bytes = connection_slab + thread_kernel_stack + thread_slab + thread_page_tables +
                        thread_task_frag + (stack_bytes >= large_stack ? page_table_page : 0);
  traits.stack_bytes = saturating_add(stack_bytes, guard_bytes);
  return traits;
}

Traits process_traits() {
  Traits traits;
  traits.processes_per_connection = 1;
  traits.descriptors_per_connection = 1;  // in the parent: a pidfd, no socket
  traits.resident_bytes = process_private_pages;
  traits.kernel_bytes =
      connection_slab + thread_kernel_stack + process_slab + process_page_tables + thread_task_frag;
  return traits;
}

Traits event_traits(std::uint64_t state_bytes, std::uint64_t buffer_bytes) {
  Traits traits;
  traits.resident_bytes = saturating_add(state_bytes, buffer_bytes);
  traits.kernel_bytes = connection_slab;
  return traits;
}

Traits pool_traits(std::uint64_t workers) {
  Traits traits;
  traits.fixed_threads += workers + 1;     // who watches for the stop
  traits.fixed_descriptors += workers;     // the epoll of each worker's door
  traits.fixed_maps += 2 * (workers + 1);  // a stack and its guard
  traits.fixed_bytes += workers * thread_resident;
  return traits;
}

Traits client_traits() {
  return event_traits(client_session, 0);
}

namespace {

/// Connections that wait do so in the server's own queue.
Traits queueing_pool(std::uint64_t) {
  return pool_traits(pool_workers);
}

/// They wait in the kernel's.
Traits accepting_pool(std::uint64_t) {
  Traits traits = pool_traits(pool_workers);
  traits.descriptors_per_connection = 0;
  return traits;
}

Traits stackful_traits(std::uint64_t) {
  Traits traits = event_traits(stackful_session, 0);
  traits.maps_per_connection = maps_per_guarded_stack;
  traits.virtual_bytes = stackful_stack + default_guard;
  return traits;
}

Traits select_traits(std::uint64_t) {
  Traits traits = event_traits(loop_session, 0);
  traits.descriptors_below = FD_SETSIZE;
  return traits;
}

}  // namespace

std::span<const Profile> profiles() {
  static constexpr std::array known{
      Profile{"thread-per-connection", "a blocking thread for each connection", true,
              [](std::uint64_t stack_bytes) { return thread_traits(stack_bytes, default_guard); }},
      Profile{"fork-per-connection", "a process for each connection", false,
              [](std::uint64_t) { return process_traits(); }},
      Profile{"pool-shared-queue", "eight threads, one queue", false, queueing_pool},
      Profile{"pool-own-queue", "eight threads, a queue each", false, queueing_pool},
      Profile{"pool-accept", "eight threads that accept for themselves", false, accepting_pool},
      Profile{"callbacks", "one event loop for all connections", false,
              [](std::uint64_t) { return event_traits(callbacks_session, buffer); }},
      Profile{"coroutines", "one event loop, a coroutine for each connection", false,
              [](std::uint64_t) { return event_traits(coroutine_session, buffer); }},
      Profile{"stackful", "one event loop, a small stack for each connection", false,
              stackful_traits},
      Profile{"select", "select(2) over all: descriptors below 1,024", false, select_traits},
      Profile{"nested-epoll", "one event loop with one buffer for all", false,
              [](std::uint64_t) { return event_traits(loop_session, 0); }},
      Profile{"io-uring", "one ring for all connections", false,
              [](std::uint64_t) { return event_traits(ring_session, 0); }}};
  return known;
}

}  // namespace limits
