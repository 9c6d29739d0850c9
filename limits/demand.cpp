// What N connections need; see demand.hpp. Figures: docs/kernel-costs.md.
#include "limits/demand.hpp"

#include <algorithm>
#include <cmath>

#include "limits/saturating.hpp"

namespace limits {
namespace {

constexpr std::uint64_t connection_slab = 4'050;  // one end: tcp sock, inode, file, dentry, epitem
constexpr std::uint64_t watch_slab = 208;         // the part of it that is the epoll's
constexpr std::uint64_t ring_request_slab = 866;  // of a receive that is armed in an io_uring
constexpr std::uint64_t thread_resident = 8'912;  // two touched stack pages, and glibc's share
constexpr std::uint64_t thread_kernel_stack = 16'384;
constexpr std::uint64_t thread_slab = 5'730;  // task_struct and what it refers to, its memory maps
constexpr std::uint64_t thread_task_frag = 32'768;  // kept by each thread that has sent on TCP
constexpr std::uint64_t page_table_page = 4'096;
constexpr std::uint64_t maps_per_guarded_stack = 2;  // the stack and its guard
constexpr std::uint64_t client_connection = 74;      // a connection's state; no buffer
constexpr std::uint64_t client_resident = 400U << 10U;
// A forked child that echoes 64 B messages, measured with 2,000 of them.
constexpr std::uint64_t process_private_pages = 68U << 10U;  // copied on write (Private_Dirty)
constexpr std::uint64_t process_page_tables = 56U << 10U;    // for ~1 MiB that it shares
constexpr std::uint64_t process_slab = 9U << 10U;            // task_struct and mm_struct, rounded

std::uint64_t scaled(std::uint64_t connections, double each) {
  if (!(each > 0)) return 0;
  if (each < 1e18 && each == std::floor(each)) {  // exact above 2^53, where a double is not
    return saturating_multiply(connections, static_cast<std::uint64_t>(each));
  }
  const double product = std::ceil(static_cast<double>(connections) * each);
  return product < 1.8e19 ? static_cast<std::uint64_t>(product) : unlimited;
}

/// Connections in the fullest table.
std::uint64_t share_of(const Demand& demand) {
  if (demand.tables <= 1) return demand.connections;
  const auto even = demand.connections / demand.tables + (demand.connections % demand.tables != 0);
  const double spread = demand.traits.table_spread * std::sqrt(static_cast<double>(even));
  return std::min(demand.connections, even + static_cast<std::uint64_t>(std::ceil(spread)));
}

}  // namespace

Demand Demand::divided(std::uint64_t ceiling) const {
  Demand demand = *this;
  const auto fits_in = [&](std::uint64_t tables) {
    demand.tables = tables;
    return demand.descriptors() <= ceiling;
  };
  std::uint64_t low = traits.least_tables;
  // More tables than connections hold no more of them.
  std::uint64_t high = std::max(low, std::min(traits.most_tables, connections));
  if (!fits_in(high)) return demand;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (fits_in(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  demand.tables = low;
  return demand;
}

std::uint64_t Demand::descriptors() const {
  return saturating_add(traits.fixed_descriptors,
                        scaled(share_of(*this), traits.descriptors_per_connection));
}

std::uint64_t Demand::files() const {
  const std::uint64_t of_tables =
      saturating_add(saturating_multiply(tables, traits.fixed_descriptors),
                     scaled(connections, traits.descriptors_per_connection));
  const std::uint64_t of_children =
      saturating_add(traits.fixed_files, scaled(connections, traits.processes_per_connection));
  return saturating_add(of_tables, of_children);
}

std::uint64_t Demand::own_threads() const {
  // Each table has a thread, and at least one loop.
  const std::uint64_t in_each = traits.loops / tables + (traits.loops % tables != 0 ? 1 : 0);
  const std::uint64_t more_loops = (tables * in_each - traits.loops) * traits.threads_per_loop;
  return saturating_add(traits.fixed_threads, tables - 1 + more_loops);
}

std::uint64_t Demand::threads() const {
  const std::uint64_t growing =
      saturating_add(scaled(connections, traits.threads_per_connection),
                     scaled(connections, traits.processes_per_connection));
  return saturating_add(own_threads(), growing);
}

std::uint64_t Demand::maps() const {
  return saturating_add(traits.fixed_maps, scaled(connections, traits.maps_per_connection));
}

std::uint64_t Demand::watches() const {
  return scaled(connections, traits.watches_per_connection);
}

std::uint64_t Demand::connection_bytes() const {
  const std::uint64_t loops = traits.loops / tables + (traits.loops % tables != 0 ? 1 : 0);
  return saturating_add(traits.resident_bytes, saturating_multiply(loops, traits.loop_bytes));
}

std::uint64_t Demand::memory_bytes() const {
  const std::uint64_t fixed =
      saturating_add(traits.fixed_bytes, saturating_multiply(tables, traits.table_bytes));
  return saturating_add(
      fixed,
      saturating_multiply(connections, saturating_add(connection_bytes(), traits.kernel_bytes)));
}

std::uint64_t Demand::virtual_bytes() const {
  const std::uint64_t stacks =
      saturating_multiply(scaled(connections, traits.threads_per_connection), traits.stack_bytes);
  const std::uint64_t user =
      saturating_multiply(connections, saturating_add(connection_bytes(), traits.virtual_bytes));
  return saturating_add(traits.fixed_virtual_bytes, saturating_add(stacks, user));
}

std::uint64_t Demand::data_bytes() const {
  const std::uint64_t guards =
      saturating_multiply(scaled(connections, traits.threads_per_connection), traits.guard_bytes);
  const std::uint64_t all = virtual_bytes();
  return all == unlimited ? unlimited : all - guards;
}

Traits thread_traits(std::uint64_t stack_bytes, std::uint64_t guard_bytes) {
  Traits traits;
  traits.threads_per_connection = 1;
  traits.maps_per_connection = guard_bytes > 0 ? double{maps_per_guarded_stack} : 1.0;
  traits.resident_bytes = thread_resident;
  traits.stack_bytes = saturating_add(stack_bytes, guard_bytes);
  traits.guard_bytes = guard_bytes;
  // An entry of 8 bytes for each page of a stack, but no more than one page of entries is in use.
  const std::uint64_t page_tables = std::min(page_table_page, traits.stack_bytes / 512);
  traits.kernel_bytes =
      connection_slab + thread_kernel_stack + thread_slab + page_tables + thread_task_frag;
  return traits;
}

Traits process_traits() {
  Traits traits;
  traits.processes_per_connection = 1;
  traits.descriptors_per_connection = 1;  // in the parent: a pidfd, no socket
  traits.watches_per_connection = 1;      // that pidfd
  traits.resident_bytes = process_private_pages;
  traits.kernel_bytes =
      connection_slab + thread_kernel_stack + process_slab + process_page_tables + thread_task_frag;
  return traits;
}

Traits event_traits(std::uint64_t state_bytes, std::uint64_t buffer_bytes) {
  Traits traits;
  traits.watches_per_connection = 1;
  traits.resident_bytes = saturating_add(state_bytes, buffer_bytes);
  traits.kernel_bytes = connection_slab;
  return traits;
}

Traits ring_traits(std::uint64_t state_bytes) {
  Traits traits = event_traits(state_bytes, 0);
  traits.watches_per_connection = 0;
  traits.ring_requests_per_connection = 1;
  traits.kernel_bytes += ring_request_slab - watch_slab;
  return traits;
}

Traits pool_traits(std::uint64_t workers) {
  Traits traits;
  traits.fixed_threads += workers + 1;     // the thread that waits for the stop
  traits.fixed_maps += 2 * (workers + 1);  // a stack and its guard
  traits.fixed_bytes += workers * thread_resident;
  return traits;
}

Traits client_traits() {
  Traits traits = event_traits(client_connection, 0);
  traits.fixed_bytes = client_resident;
  traits.most_tables = most_descriptor_tables;
  return traits;
}

}  // namespace limits
