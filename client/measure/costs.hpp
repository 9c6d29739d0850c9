// The costs of a run: what an echo cost in CPU, what a connection cost in memory, who paid it.
//
// Differences of samples, so that what was there before does not count. A figure whose parts were
// not all read is nullopt; none is invented. CPU is that of the echo phase, memory that of all
// connections standing with every echo done, less what was there with one connection. The CPU costs
// close: client + server + softirq + unattributed = busy, to the rounding of ticks.
#pragma once

#include <cstdint>
#include <optional>

#include "client/measure/observe.hpp"

namespace client {

struct Costs {
  // ns per verified echo
  std::optional<std::uint64_t> total_per_echo;  ///< client + server + softirq threads
  std::optional<std::uint64_t> client_per_echo, server_per_echo, softirq_per_echo;
  std::optional<std::uint64_t> busy_per_echo;  ///< what /proc/stat says of the whole machine
  /// busy less total: what somebody else used, or the kernel for nobody. Ticks are a sample, so
  /// busy can come out smaller than total: within a tick a processor and the time stolen, which the
  /// clocks of processes include, that is 0; beyond it unknown.
  std::optional<std::uint64_t> unattributed_per_echo;
  // context switches per verified echo; of one side nullopt with too many threads, or ended ones
  std::optional<double> client_switches_per_echo, server_switches_per_echo;
  std::optional<double> machine_switches_per_echo;
  // shares of one processor in the window; of all a side's threads together, it may exceed 1
  std::optional<double> client_busiest_thread, server_busiest_thread;
  std::optional<double> client_utilisation, server_utilisation;
  std::optional<double> client_waited;  ///< its thread that waited longest for a processor
  // shares of the machine: of all its processors in the window
  std::optional<double> others, steal;
  // bytes per connection
  std::optional<std::uint64_t> client_resident, server_resident;
  std::optional<std::uint64_t>
      kernel_per_connection;  ///< slab + kernel stacks + page tables + sockets
  std::optional<std::uint64_t>
      total_per_connection;  ///< free memory lost; nullopt when others disturbed it
  // bytes of the whole machine, grown since before the ramp
  std::optional<std::uint64_t> slab, kernel_stack, page_tables, socket, anon;
  std::optional<std::uint64_t> total;  ///< shrinkage of free memory, page cache given back
  // events since before the ramp
  std::optional<std::uint64_t> listen_overflows, listen_drops, retransmitted_segments,
      syn_cookies_sent, syn_retransmits, time_wait_recycled, time_wait_overflow;
  std::optional<std::uint64_t> time_wait;  ///< sockets in TIME_WAIT after the run, of everybody
};

/// `echoes`: how many came back between `moments.begin` and `moments.end`.
Costs costs_of(const Moments& moments, std::uint64_t echoes);

}  // namespace client
