// The way in for a loop that watches its listener itself: accepts all that wait, and pauses when
// that cannot be.
#pragma once

#include "echo_async/nest.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {

class Gate {
 public:
  Gate(const server::Serving& serving, echo::Descriptor listener, Nest& nest)
      : serving_(serving),
        listener_(std::move(listener)),
        acceptor_(listener_.get(), serving.counters, serving.options.max_connections, true,
                  &serving.listeners.shared_accept()),
        nest_(nest),
        pause_(nest.executor()) {}

  void open() {
    nest_.watch_source(listener_.get(), [this] { accept(); });
  }
  /// Stops listening at once: who comes later is refused by the kernel.
  void close() {
    pause_.cancel();
    nest_.forget_source();
    listener_.reset();
  }

 private:
  void accept() {
    while (echo::Descriptor socket = acceptor_.accept(serving_.counters.open())) {
      nest_.enter(std::move(socket));
    }
    const auto until = acceptor_.paused_until();
    if (!until) return;
    nest_.forget_source();  // it stays readable, and cannot be served
    pause_.expires_at(*until);
    pause_.async_wait([this](error_code error) {
      if (error || !listener_) return;
      open();
      accept();
    });
  }

  const server::Serving& serving_;
  echo::Descriptor listener_;
  server::Acceptor acceptor_;
  Nest& nest_;
  Timer pause_;
};

/// Accepts and serves on this thread until the stop.
inline void serve_alone(const server::Serving& serving, echo::Descriptor listener,
                        unsigned worker) {
  Nest nest{serving, worker};
  Gate gate{serving, std::move(listener), nest};
  gate.open();
  nest.run([&gate] { gate.close(); }, [] { return true; });
}

}  // namespace echo_async
