#include "echo_threads/pool_options.hpp"

#include "echo/options.hpp"

namespace echo_threads {

std::shared_ptr<PoolOptions> add_pool_options(CLI::App& app, const std::string& what_they_are) {
  auto options = std::make_shared<PoolOptions>();
  echo::add_workers(app, options->workers, what_they_are);
  return options;
}

echo::Shape shape_of(const PoolOptions& options) {
  return {.workers = options.worker_count(), .listeners = 1, .at_once = options.workers};
}

limits::Traits thread_pool_traits(const PoolOptions& options) {
  limits::Traits traits;
  traits.fixed_threads += options.workers + 1;     // who watches for the stop
  traits.fixed_descriptors += options.workers;     // the epoll of each worker's door
  traits.fixed_maps += 2 * (options.workers + 1);  // a stack and its guard
  return traits;
}

echo::Configured configured_pool(CLI::App& app, const std::string& bounds,
                                 void (*serve)(const echo::Serving&, const PoolOptions&)) {
  const auto options = add_pool_options(app, "Threads, each of which serves one connection");
  echo::add_count(app, "--queue-limit", options->queue_limit, bounds, {1, 10'000'000});
  return {.check = {},
          .shape = [options](const echo::ServerOptions&) { return shape_of(*options); },
          .demand =
              [options](const echo::ServerOptions&, std::uint64_t connections) {
                return limits::Demand{connections, thread_pool_traits(*options)};
              },
          .serve = [options, serve](const echo::Serving& serving) { serve(serving, *options); }};
}

}  // namespace echo_threads
