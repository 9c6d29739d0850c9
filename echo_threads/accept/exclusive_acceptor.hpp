// Where a worker that serves one connection at a time waits for its next.
//
// Many workers may wait at doors of one listener. Were each to poll(2) it, every connection would
// wake all of them, and all but one in vain (the thundering herd). EPOLLEXCLUSIVE (epoll_ctl(2))
// has the kernel wake one that waits; who is busy serving does not wait and is passed over. It is
// nearly always the same one that is woken first, which here is welcome: it serves one connection,
// so the next goes to another, and a worker that is not needed stays cold.
#pragma once

#include "echo/descriptor.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_threads {

class ExclusiveAcceptor {
 public:
  /// Throws std::system_error when there is no descriptor for it.
  ExclusiveAcceptor(const server::Serving& serving, int listener);

  /// Waits for a connection; an empty Descriptor once a drain has begun. --max-connections is the
  /// caller's business: how many are open when one comes is not known while it is waited for.
  /// Throws std::system_error when accept(2) says that something is wrong with the listener.
  echo::Descriptor next();

 private:
  /// False when a drain has begun.
  bool wait();

  const echo::Stop& stop_;
  server::Acceptor acceptor_;
  echo::Descriptor epoll_;
};

/// Stops listening, in every thread and process that shares the listener: closing a number that
/// others poll would be a race, and leave the copies of other processes listening.
void stop_listening(int listener);

}  // namespace echo_threads
