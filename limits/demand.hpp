// What N connections need, by the traits of a concurrency model.
//
// Demands are computed from traits, not from model names, because this library is the lowest layer
// and cannot see the models. Each model states its traits once (Configured::demand in
// server/model.hpp): its server's preflight reads them, and the `limits` program runs the server
// with --describe. Constants: docs/kernel-costs.md.
#pragma once

#include <cstdint>

namespace limits {

/// The most descriptor tables that a program divides its connections among: as many sockets can
/// share a port (SO_REUSEPORT, reuseport_grow() in net/core/sock_reuseport.c).
inline constexpr std::uint64_t most_descriptor_tables = 32'768;

/// What one connection (and the program that serves it) needs. Bytes are per connection.
struct Traits {
  double threads_per_connection = 0;
  double processes_per_connection = 0;
  double descriptors_per_connection = 1;
  double maps_per_connection = 0;     ///< 2 for a thread with a guard page
  double watches_per_connection = 0;  ///< entries in epolls; 0 for blocking models and io_uring
  double ring_requests_per_connection = 0;  ///< receives that stay armed in an io_uring
  std::uint64_t fixed_descriptors = 16;     ///< listener, epoll, eventfds, stdio, log, spare
  std::uint64_t fixed_threads = 2;
  std::uint64_t fixed_files = 0;  ///< open files in the tables of a pool's processes
  std::uint64_t fixed_maps = 100;
  std::uint64_t fixed_bytes = 0;  ///< user memory that does not depend on the connections
  std::uint64_t table_bytes = 0;  ///< the same for each descriptor table: a ring's buffers
  /// Address space that does not depend on the connections: image, libraries, heap, the stacks of a
  /// pool. No 64 MiB arena of glibc: when mmap refuses one, malloc shares another.
  std::uint64_t fixed_virtual_bytes = 64ULL << 20U;
  std::uint64_t resident_bytes = 0;  ///< user memory per connection
  std::uint64_t loop_bytes = 0;  ///< and in each loop that shares the connection's descriptor table
  std::uint64_t loops = 1;       ///< of the program; several tables divide them
  std::uint64_t threads_per_loop = 0;  ///< 0: the thread of a table runs its loop
  std::uint64_t kernel_bytes =
      4050;                         ///< one end of a connection: ~4,050 B of slab; threads add more
  std::uint64_t stack_bytes = 0;    ///< virtual size per thread, stack + guard
  std::uint64_t guard_bytes = 0;    ///< of these the guard, which no access may touch
  std::uint64_t virtual_bytes = 0;  ///< reserved per connection in addition: coroutines' stacks
  /// All descriptors must be below this number, whatever the machine allows: FD_SETSIZE for
  /// select(2). 0: no such bound.
  std::uint64_t descriptors_below = 0;
  /// Descriptor tables among which the connections can be divided, each with a thread of its own
  /// (unshare(CLONE_FILES)). RLIMIT_NOFILE bounds each table, not the process.
  std::uint64_t least_tables = 1, most_tables = 1;
  /// Room that each table needs beyond an even share, in square roots of that share: 4 where the
  /// kernel's hash divides the connections (SO_REUSEPORT), 0 where the program does.
  double table_spread = 0;
};

/// What a run needs in all. Every figure saturates at `unlimited`. Only a client uses ports.
struct Demand {
  std::uint64_t connections = 0;
  Traits traits;
  bool takes_ports = false;   ///< a client: one local port per connection and source address
  std::uint64_t sources = 1;  ///< number of source addresses that the client uses
  std::uint64_t tables = 1;   ///< descriptor tables in use

  /// The same with as few tables as suffice for `ceiling` descriptors in each; with as many as
  /// possible if none do.
  [[nodiscard]] Demand divided(std::uint64_t ceiling) const;
  /// Descriptors in one table.
  [[nodiscard]] std::uint64_t descriptors() const;
  /// Open files of the whole program, whichever of its processes holds them. A model that forks has
  /// a pidfd per connection in the parent and the socket in the child. What waits in the kernel's
  /// accept queue is no open file.
  [[nodiscard]] std::uint64_t files() const;
  /// Threads that do not depend on the number of connections.
  [[nodiscard]] std::uint64_t own_threads() const;
  [[nodiscard]] std::uint64_t threads() const;  ///< threads and processes: both are tasks
  [[nodiscard]] std::uint64_t maps() const;
  [[nodiscard]] std::uint64_t watches() const;  ///< entries in the epolls of the program
  /// User memory per connection, in the number of tables in use.
  [[nodiscard]] std::uint64_t connection_bytes() const;
  [[nodiscard]] std::uint64_t memory_bytes() const;   ///< resident + kernel + fixed
  [[nodiscard]] std::uint64_t virtual_bytes() const;  ///< of one process
  /// Private writable address space of one process: virtual_bytes() without the guards of stacks.
  /// An upper bound: the program's text and shared memory are in it.
  [[nodiscard]] std::uint64_t data_bytes() const;
};

/// A thread per connection: a stack of `stack_bytes` and `guard_bytes`; two pages are touched.
Traits thread_traits(std::uint64_t stack_bytes, std::uint64_t guard_bytes);
/// A process per connection, and one pidfd per process in the parent.
Traits process_traits();
/// `workers` threads, each of which serves one connection at a time. Their stacks are touched as in
/// thread_traits.
Traits pool_traits(std::uint64_t workers);
/// One loop on epoll for all connections; each holds `buffer_bytes` of user memory beside its own
/// state.
Traits event_traits(std::uint64_t state_bytes, std::uint64_t buffer_bytes);
/// One io_uring for all connections, on each of which a receive stays armed.
Traits ring_traits(std::uint64_t state_bytes);
/// The load client: event-driven, without a buffer per connection.
Traits client_traits();

}  // namespace limits
