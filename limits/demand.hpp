// What N connections will need, by the traits of a concurrency model.
//
// The table goes by traits, not by model: this library is the lowest layer and cannot see the
// models. Each model states its traits (Configured::demand in server/model.hpp), for the preflight
// of its server and for the `limits` program, which asks the server. Constants:
// docs/kernel-costs.md.
#pragma once

#include <cstdint>

namespace limits {

/// What one connection (and the program that serves it) takes. Bytes are per connection.
struct Traits {
  double threads_per_connection = 0;
  double processes_per_connection = 0;
  double descriptors_per_connection = 1;
  double maps_per_connection = 0;        ///< 2 for a thread with a guard page
  std::uint64_t fixed_descriptors = 16;  ///< listener, epoll, eventfds, stdio, log, spare
  std::uint64_t fixed_threads = 2;
  std::uint64_t fixed_maps = 100;
  std::uint64_t fixed_bytes = 0;     ///< user memory that comes with no connection
  std::uint64_t resident_bytes = 0;  ///< user memory per connection
  std::uint64_t kernel_bytes =
      4050;                       ///< one end of a connection: ~4,050 B of slab; threads add theirs
  std::uint64_t stack_bytes = 0;  ///< virtual size per thread, stack + guard
  std::uint64_t virtual_bytes = 0;  ///< reserved per connection beside that: coroutines' stacks
  /// Descriptors must lie below it, whatever the machine allows; 0: anywhere. select(2)'s
  /// FD_SETSIZE.
  std::uint64_t descriptors_below = 0;
};

/// What a run needs in all; every figure saturates at `unlimited`. Only a client takes ports.
struct Demand {
  std::uint64_t connections = 0;
  Traits traits;
  bool takes_ports = false;   ///< a client: one local port a connection, per source address
  std::uint64_t sources = 1;  ///< source addresses the client spreads over

  /// Descriptors in one process's table.
  [[nodiscard]] std::uint64_t descriptors() const;
  /// Open files of the whole program: at least one socket a connection, whichever process holds it
  /// (a model that forks has few descriptors in each table, and all of them on the machine).
  [[nodiscard]] std::uint64_t files() const;
  [[nodiscard]] std::uint64_t threads() const;  ///< threads and processes: both are tasks
  [[nodiscard]] std::uint64_t maps() const;
  [[nodiscard]] std::uint64_t memory_bytes() const;   ///< resident + kernel + fixed
  [[nodiscard]] std::uint64_t virtual_bytes() const;  ///< of one process
};

/// A thread per connection: stack of `stack_bytes` and `guard_bytes`, two pages of it touched.
Traits thread_traits(std::uint64_t stack_bytes, std::uint64_t guard_bytes);
/// A process per connection, and a pidfd for each in the parent.
Traits process_traits();
/// So many threads, each serving one connection at a time; their stacks touched as those of
/// thread_traits are.
Traits pool_traits(std::uint64_t workers);
/// One loop for all connections, each holding `buffer_bytes` of user memory beside its own state.
Traits event_traits(std::uint64_t state_bytes, std::uint64_t buffer_bytes);
/// The load client: event-driven, no buffer per connection.
Traits client_traits();

}  // namespace limits
