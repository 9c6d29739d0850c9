#include "echo_threads/pool/pool_options.hpp"

#include <optional>
#include <vector>

#include "echo/options.hpp"
#include "server/protocol_options.hpp"
#include "server/workers.hpp"

namespace echo_threads {

std::shared_ptr<PoolOptions> add_pool_options(CLI::App& app, const std::string& what_they_are) {
  auto options = std::make_shared<PoolOptions>();
  server::add_workers(app, options->workers, what_they_are);
  return options;
}

server::Shape shape_of(const PoolOptions& options) {
  return {.workers = options.worker_count(), .listeners = 1, .at_once = options.workers};
}

limits::Traits thread_pool_traits(const PoolOptions& options) {
  limits::Traits traits = limits::pool_traits(options.workers);
  traits.fixed_bytes += options.workers * touched_bytes(options.stack);
  traits.fixed_virtual_bytes += options.workers * (options.stack.size + options.stack.guard);
  return traits;
}

void run_pool(const server::Serving& serving, const PoolOptions& options,
              const std::function<void(unsigned)>& work, const std::function<void()>& meanwhile) {
  const StackOptions& stack = options.stack;
  server::ThreadAttributes attributes;
  apply(stack, attributes.get());
  if (is_ordinary(stack, 0)) {
    server::run_workers(serving, options.worker_count(), work, meanwhile, attributes);
    return;
  }
  std::vector<std::optional<std::uint64_t>> high_waters(options.worker_count());
  server::run_workers(
      serving, options.worker_count(),
      [&](unsigned worker) {
        high_waters[worker] = on_stack(stack, 0, [&](std::byte*) { work(worker); });
      },
      meanwhile, attributes);
  if (!stack.report) return;
  server::StackUse& use = serving.measurements.stacks.emplace(server::StackUse::of_this_machine());
  for (const auto& high_water : high_waters) {
    if (high_water) use.add(*high_water);
  }
}

server::Configured configured_pool(CLI::App& app, const std::string& bounds,
                                   void (*serve)(const server::Serving&, const PoolOptions&)) {
  const auto options = add_pool_options(app, "Threads, each of which serves one connection");
  add_stack_options(app, options->stack);
  echo::add_count(app, "--queue-limit", options->queue_limit, bounds, {1, 10'000'000});
  return {.check =
              [options](const server::ServerOptions& common) {
                check(options->stack, 0, server::stack_bytes_of_protocol(common));
              },
          .shape = [options](const server::ServerOptions&) { return shape_of(*options); },
          .demand =
              [options](const server::ServerOptions&, std::uint64_t connections) {
                return limits::Demand{connections, thread_pool_traits(*options)};
              },
          .serve = [options, serve](const server::Serving& serving) { serve(serving, *options); }};
}

}  // namespace echo_threads
