// Accepting for every Asio model: async_accept, and what to do when it fails.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <functional>

#include "echo_async/asio/out_of_memory.hpp"
#include "echo_async/asio/socket.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_async {

/// Accepts from one listener, one connection after the other, and passes each on. A connection that
/// cannot be served is shed and counted (server/acceptor.hpp); a fatal error is thrown out of
/// run().
class AsioAcceptor {
 public:
  /// `listener`: as Listeners::take() returns it. `serve` is called on `strand` for each admitted
  /// connection; if it throws, that connection is shed.
  AsioAcceptor(const Strand& strand, const server::Serving& serving, echo::Descriptor listener,
               std::function<void(Socket)> serve);
  void start();
  /// Continues on `strand` when there was no memory for accepting (out_of_memory.hpp).
  void begin_again();
  /// Stops listening immediately: the kernel refuses later connections.
  void stop();

 private:
  void pass_on(Socket socket);
  void after_failure(int accept_errno);
  /// Removes the listener from the loop, which each connection that it does not accept would wake:
  /// with several threads, one of them would be busy as long as others shed.
  void stop_watching();
  void report_aborted();
  void restart_after_pause();
  void watch_again();

  const server::Serving& serving_;
  const tcp protocol_;
  asio::basic_socket_acceptor<tcp, Strand> acceptor_;
  echo::Descriptor unwatched_;  ///< the listener during a pause
  TimerOn<Strand> pause_;
  std::function<void(Socket)> serve_;
  server::ReserveDescriptor reserve_;
  server::BackOff back_off_;
  Pending pending_;         ///< an accept or a pause
  bool accepting_ = false;  ///< an accept began, and its handler was not called
};

}  // namespace echo_async
