// The books of a run: what an echo cost in CPU, what a connection cost in memory, who paid it.
//
// Differences of samples, so that what was there before does not count. A figure whose parts were
// not all read is nullopt; none is invented. CPU is that of the echo phase, memory that of all
// connections standing with every echo done, less what was there with one connection.
#pragma once

#include <cstdint>
#include <optional>

#include "client/observe.hpp"

namespace client {

struct Books {
  // ns per verified echo
  std::optional<std::uint64_t> total_per_echo;  ///< client + server + softirq threads
  std::optional<std::uint64_t> client_per_echo, server_per_echo, softirq_per_echo;
  std::optional<std::uint64_t>
      unattributed_per_echo;  ///< what /proc/stat saw beyond these; 10 ms ticks
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
      syn_cookies_sent;
};

/// `echoes`: how many came back between `moments.begin` and `moments.end`.
Books books_of(const Moments& moments, std::uint64_t echoes);

}  // namespace client
