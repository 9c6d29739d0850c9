// One loop and one listener per core (SO_REUSEPORT); the loops share nothing.
//
// The kernel distributes new connections over the listeners by a hash of their addresses, and from
// then on a connection belongs to one thread: no lock, no queue, no cache line that two cores
// write. Each loop is a NestedEpoll (epoll/nested_epoll.hpp). It wins where cores are many and
// connections short or even; it breaks where connections are few or differ in load: the hash
// ignores load, a connection never moves, and no other loop serves what waits in the queue of a
// stuck one. Set --workers N --cpus LIST; compare its balance with that of hand-off. Source:
// SO_REUSEPORT in socket(7), https://man7.org/linux/man-pages/man7/socket.7.html; nginx's
// reuseport; Seastar.
// Compare: diff echo_async/reactor_per_core.cpp echo_async/nested_epoll.cpp
// Try it: ./echo_async --model reactor-per-core
#include <memory>
#include <vector>

#include "echo_async/epoll/epoll_acceptor.hpp"
#include "server/model.hpp"
#include "server/workers.hpp"

namespace echo_async {
namespace {

void serve(const server::Serving& serving) {
  std::vector<echo::Descriptor> listeners = serving.listeners.take();
  const auto workers = static_cast<unsigned>(listeners.size());
  server::run_workers(serving, workers, [&](unsigned worker) {
    accept_and_serve(serving, std::move(listeners[worker]), worker);
  });
}

limits::Demand demand(unsigned workers, std::uint64_t connections) {
  // Each loop's table extends to the highest descriptor of its descriptor table.
  limits::Traits traits = limits::event_traits(0, 0);
  traits.loop_bytes = sizeof(Connection);
  traits.loops = workers;
  traits.threads_per_loop = 1;
  traits.fixed_threads += workers;
  traits.fixed_descriptors += std::uint64_t{8} * workers;
  return {connections, traits};
}

server::Configured configure(CLI::App& app) {
  auto workers = std::make_shared<std::uint64_t>(server::usable_processors());
  server::add_workers(app, *workers, "Loops, each with its own thread and listener");
  const auto count = [workers] { return static_cast<unsigned>(*workers); };
  return {.check = {},
          .shape =
              [count](const server::ServerOptions&) {
                return server::Shape{.workers = count(), .listeners = count()};
              },
          .demand = [count](const server::ServerOptions&,
                            std::uint64_t connections) { return demand(count(), connections); },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model reactor_per_core{
    "reactor-per-core", "a loop and a listener per core (SO_REUSEPORT), nothing shared", configure,
    server::TableUse::group};

}  // namespace echo_async
