#include "echo_threads/turns.hpp"

#include <utility>

#include "echo_threads/door.hpp"

namespace echo_threads {

void serve_in_turn(const server::Serving& serving, unsigned worker, int listener,
                   const std::function<void(echo::Descriptor, std::span<std::byte>)>& serve) {
  Buffer buffer{serving.options.buffer_size};
  Door door{serving, listener};
  const auto next = [&] {
    const Idle idle{serving.counters.worker(worker)};
    return door.next();
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
