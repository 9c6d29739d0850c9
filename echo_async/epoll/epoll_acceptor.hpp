// The acceptor of a loop that watches its listener itself: accepts all waiting connections, and
// pauses when accepting fails.
#pragma once

#include <utility>

#include "echo_async/epoll/nested_epoll.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {

class EpollAcceptor {
 public:
  EpollAcceptor(const server::Serving& serving, echo::Descriptor listener, NestedEpoll& loop)
      : serving_(serving),
        listener_(std::move(listener)),
        acceptor_(listener_.get(), serving.counters, serving.options.max_connections, true,
                  &serving.listeners.shared_accept()),
        loop_(loop) {}

  void start() {
    loop_.watch_source(listener_.get(), [this] { accept(); });
  }
  /// Stops listening immediately: the kernel refuses later connections.
  void stop() {
    loop_.unwatch_source();
    listener_.reset();
  }

 private:
  void accept() {
    for (int i = 0; i < server::accepts_in_a_row; ++i) {
      echo::Descriptor socket = acceptor_.accept(serving_.counters.open());
      if (!socket) break;
      loop_.add(std::move(socket));
    }
    // It stays readable, and nothing can be accepted.
    if (const auto until = acceptor_.paused_until()) loop_.mute_source_until(*until);
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  NestedEpoll& loop_;
};

/// Accepts and serves on this thread until the stop.
inline void accept_and_serve(const server::Serving& serving, echo::Descriptor listener,
                             unsigned worker) {
  NestedEpoll loop{serving, worker};
  EpollAcceptor acceptor{serving, std::move(listener), loop};
  acceptor.start();
  loop.run([&acceptor] { acceptor.stop(); }, [] { return true; });
}

}  // namespace echo_async
