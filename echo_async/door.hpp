// The way in, the same for every Asio model: async_accept, and what to do when it fails.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <functional>

#include "echo/acceptor.hpp"
#include "echo/model.hpp"
#include "echo_async/socket.hpp"

namespace echo_async {

/// Accepts from one listener, one connection after the other, and hands each on. What cannot be
/// served is shed and counted, as echo/acceptor.hpp tells; a fatal error is thrown out of run().
class Door {
 public:
  /// `listener`: as Listeners::take() gives it. `enter` is called for each that may be served.
  Door(asio::io_context& io, const echo::Serving& serving, echo::Descriptor listener,
       std::function<void(Socket)> enter);
  void open();
  /// Stops listening at once: who comes later is refused by the kernel.
  void close();

 private:
  void after_failure(int accept_errno);
  void open_after_pause();

  const echo::Serving& serving_;
  asio::basic_socket_acceptor<tcp, Executor> acceptor_;
  Timer pause_;
  std::function<void(Socket)> enter_;
  echo::ReserveDescriptor reserve_;
  echo::BackOff back_off_;
};

}  // namespace echo_async
