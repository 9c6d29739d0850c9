// The way in, the same for every Asio model: async_accept, and what to do when it fails.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <functional>

#include "echo_async/asio/socket.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {

/// Accepts from one listener, one connection after the other, and hands each on. What cannot be
/// served is shed and counted, as echo/acceptor.hpp tells; a fatal error is thrown out of run().
class AsioAcceptor {
 public:
  /// `listener`: as Listeners::take() gives it. `serve` is called on `strand` for each that may be
  /// served; when it throws std::bad_alloc, that one is shed.
  AsioAcceptor(const Strand& strand, const server::Serving& serving, echo::Descriptor listener,
               std::function<void(Socket)> serve);
  void start();
  /// Stops listening at once: who comes later is refused by the kernel.
  void stop();

 private:
  void pass_on(Socket socket);
  void after_failure(int accept_errno);
  /// Takes the listener out of the loop, which would be woken by each connection that it is not
  /// going to accept: with several threads a whole one, as long as others shed.
  void stop_watching();
  void report_aborted();
  void restart_after_pause();

  const server::Serving& serving_;
  const tcp protocol_;
  asio::basic_socket_acceptor<tcp, Strand> acceptor_;
  echo::Descriptor unwatched_;  ///< the listener during a pause
  TimerOn<Strand> pause_;
  std::function<void(Socket)> serve_;
  server::ReserveDescriptor reserve_;
  server::BackOff back_off_;
};

}  // namespace echo_async
