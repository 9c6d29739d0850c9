// The costs of a run: CPU time per echo and memory per connection, attributed to client, server and
// kernel.
//
// Costs are differences of samples, so usage from before the run does not count. A figure is
// nullopt unless all its parts were read. CPU is that of the echo phase. Memory is that with all
// connections established and every echo done, less that with one connection. The CPU accounts
// balance: client + server + softirq + unattributed = busy, within the rounding of ticks. They are
// computed in findings/cost_accounting.
#pragma once

#include <cstdint>
#include <optional>

namespace client {

struct Costs {
  // ns per verified echo
  std::optional<std::uint64_t> total_per_echo;  ///< client + server + softirq threads
  std::optional<std::uint64_t> client_per_echo, server_per_echo, softirq_per_echo;
  std::optional<std::uint64_t> busy_per_echo;  ///< of the whole machine, from /proc/stat
  /// busy less total: used by other programs, or by the kernel without a process to charge. Ticks
  /// are samples, so busy can be smaller than total. A difference that sampling error and stolen
  /// time (which the clocks of processes include) explain gives 0; a larger one gives nullopt.
  std::optional<std::uint64_t> unattributed_per_echo;
  // context switches per verified echo; per side: nullopt if it had too many threads or one ended
  std::optional<double> client_switches_per_echo, server_switches_per_echo;
  std::optional<double> machine_switches_per_echo;
  // shares of one processor in the window; utilisation adds up all threads and may exceed 1
  std::optional<double> client_busiest_thread, server_busiest_thread;
  std::optional<double> client_utilisation, server_utilisation;
  std::optional<double> client_waited;  ///< longest wait of one thread for a processor
  // shares of all processors of the machine in the window
  std::optional<double> others, steal;
  /// Time in the window for which a CPU quota of its control groups stopped each side.
  std::optional<std::uint64_t> client_throttled, server_throttled;
  // bytes per connection
  std::optional<std::uint64_t> client_resident, server_resident;
  /// Slab, kernel stacks, page tables and sockets.
  std::optional<std::uint64_t> kernel_per_connection;
  /// Decrease of free memory; nullopt when other programs disturbed it.
  std::optional<std::uint64_t> total_per_connection;
  // growth since before the ramp, in bytes, of the whole machine
  std::optional<std::uint64_t> slab, kernel_stack, page_tables, socket, anon;
  std::optional<std::uint64_t> total;  ///< decrease of free memory, page cache counted as free
  // events since before the ramp
  std::optional<std::uint64_t> listen_overflows, listen_drops, retransmitted_segments,
      syn_cookies_sent, syn_retransmits, time_wait_recycled, time_wait_overflow;
  std::optional<std::uint64_t> time_wait;  ///< TIME_WAIT sockets after the run, of all programs
  /// Connections that the server's own listeners dropped; the events above are of the whole network
  /// namespace.
  std::optional<std::uint64_t> listener_drops;
  /// Connections of the server that are not this client's. With any, the figures per echo and per
  /// connection that include the server are nullopt.
  std::optional<std::uint64_t> other_connections;
};

}  // namespace client
