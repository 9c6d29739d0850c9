// What the pools share before they run: their options, and the resources that they need.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "echo_threads/stack/stack.hpp"
#include "server/model.hpp"

namespace echo_threads {

struct PoolOptions {
  /// Not the number of processors: workers are blocked most of the time.
  std::uint64_t workers = 8;
  std::uint64_t queue_limit = 10'000;
  StackOptions stack;  ///< of each worker; threads only

  [[nodiscard]] unsigned worker_count() const { return static_cast<unsigned>(workers); }
};

/// Adds --workers; `what_they_are`: its help text. For the stacks of threads: add_stack_options().
std::shared_ptr<PoolOptions> add_pool_options(CLI::App& app, const std::string& what_they_are);

/// One connection per worker at the same time; further ones wait.
server::Shape shape_of(const PoolOptions& options);
/// Resources of a pool of threads: its threads and descriptors, and one socket per connection.
limits::Traits thread_pool_traits(const PoolOptions& options);

/// Runs `work(worker)` on the threads of the pool (server::run_workers), with the stacks of the
/// options. With --stack-report the high waters are in Serving::measurements when it returns.
void run_pool(const server::Serving& serving, const PoolOptions& options,
              const std::function<void(unsigned worker)>& work,
              const std::function<void()>& meanwhile = {});

/// A pool of threads behind queues, with --workers and --queue-limit; `bounds`: the help text of
/// --queue-limit.
server::Configured configured_pool(CLI::App& app, const std::string& bounds,
                                   void (*serve)(const server::Serving&, const PoolOptions&));

}  // namespace echo_threads
