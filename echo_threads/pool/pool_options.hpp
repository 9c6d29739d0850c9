// What the pools have in common before they run: their size, and what they need of the machine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "echo_threads/stack/stack.hpp"
#include "server/model.hpp"

namespace echo_threads {

struct PoolOptions {
  /// Blocked most of their time, so the number of processors is no measure for them.
  std::uint64_t workers = 8;
  std::uint64_t queue_limit = 10'000;
  StackOptions stack;  ///< of each worker, where workers are threads

  [[nodiscard]] unsigned worker_count() const { return static_cast<unsigned>(workers); }
};

/// --workers. Threads' stacks have options of their own: add_stack_options().
std::shared_ptr<PoolOptions> add_pool_options(CLI::App& app, const std::string& what_they_are);

/// A connection for each worker, the others wait.
server::Shape shape_of(const PoolOptions& options);
/// Threads and descriptors of a pool of threads, and a socket for each connection.
limits::Traits thread_pool_traits(const PoolOptions& options);

/// Runs `work(worker)` on as many threads as the pool has (server::run_workers), on the stacks that
/// are asked for; what the paint shows is in Serving::measurements when it returns.
void run_pool(const server::Serving& serving, const PoolOptions& options,
              const std::function<void(unsigned worker)>& work,
              const std::function<void()>& meanwhile = {});

/// A pool of threads behind queues: --workers, and --queue-limit, which `bounds`.
server::Configured configured_pool(CLI::App& app, const std::string& bounds,
                                   void (*serve)(const server::Serving&, const PoolOptions&));

}  // namespace echo_threads
