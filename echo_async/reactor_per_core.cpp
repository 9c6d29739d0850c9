// A loop for each core, and a listener for each loop: SO_REUSEPORT, nothing shared.
//
// The kernel deals new connections to the listeners by a hash of their addresses, and from then on
// a connection belongs to one thread: no lock, no queue, no cache line that two cores write. Each
// loop is a nested epoll (loop.hpp). It wins where cores are many and connections short or even; it
// breaks where they are few or differ in load: the hash knows nothing of who is busy, a connection
// never moves, and what waits in the queue of a loop that is stuck is not served by the others.
// --workers N --cpus LIST; compare its balance with that of hand-off. Source: SO_REUSEPORT in
// socket(7); nginx's reuseport, Seastar. Try it: ./echo_async --model reactor-per-core
#include <memory>
#include <vector>

#include "echo_async/epoll/epoll_acceptor.hpp"
#include "server/model.hpp"
#include "server/workers.hpp"

namespace echo_async {
namespace {

server::Configured configure(CLI::App& app) {
  auto workers = std::make_shared<std::uint64_t>(server::usable_processors());
  server::add_workers(app, *workers, "Loops, each with a thread and a listener");
  return {.check = {},
          .shape =
              [workers](const server::ServerOptions&) {
                const auto count = static_cast<unsigned>(*workers);
                return server::Shape{.workers = count, .listeners = count, .at_once = std::nullopt};
              },
          .demand =
              [workers](const server::ServerOptions&, std::uint64_t connections) {
                // Each loop's table goes up to the highest descriptor of all.
                limits::Traits traits = limits::event_traits(sizeof(Connection) * *workers, 0);
                traits.fixed_threads += *workers;
                traits.fixed_descriptors += 8 * *workers;
                return limits::Demand{connections, traits};
              },
          .serve =
              [workers](const server::Serving& serving) {
                std::vector<echo::Descriptor> listeners = serving.listeners.take();
                server::run_workers(serving, static_cast<unsigned>(*workers), [&](unsigned worker) {
                  serve_alone(serving, std::move(listeners[worker]), worker);
                });
              }};
}

}  // namespace

extern constinit const server::Model reactor_per_core{
    "reactor-per-core", "a loop and a listener for each core (SO_REUSEPORT), nothing shared",
    configure};

}  // namespace echo_async
