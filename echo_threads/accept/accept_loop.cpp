#include "echo_threads/accept/accept_loop.hpp"

#include <utility>

#include "echo_threads/accept/exclusive_acceptor.hpp"

namespace echo_threads {

void serve_each(const server::Serving& serving, unsigned worker, int listener,
                const std::function<void(echo::Descriptor, std::span<std::byte>)>& serve) {
  Buffer buffer{serving.options.buffer_size};
  ExclusiveAcceptor acceptor{serving, listener};
  const auto next = [&] {
    const IdleTime idle{serving.counters.worker(worker)};
    return acceptor.next();
  };
  while (echo::Descriptor connection = next()) {
    if (serving.counters.try_open(worker, serving.options.max_connections)) {
      serve(std::move(connection), buffer.bytes());
    } else {
      serving.counters.shed(server::Shed::max_connections);
    }
  }
}

}  // namespace echo_threads
