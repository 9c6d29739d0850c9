// The acceptor of a worker that serves one connection at a time.
//
// Many workers may wait on one listener, each with its own acceptor. If each called poll(2), every
// connection would wake all of them, and all but one in vain (the thundering herd). With
// EPOLLEXCLUSIVE the kernel wakes one waiting worker; a busy worker does not wait and is not woken.
// The kernel nearly always wakes the same worker first. That is an advantage here: this worker then
// serves its connection, so the next one goes to another worker, and a worker that is not needed is
// not woken.
// Source: epoll_ctl(2), https://man7.org/linux/man-pages/man2/epoll_ctl.2.html
#pragma once

#include "echo/descriptor.hpp"
#include "server/acceptor.hpp"
#include "server/model.hpp"

namespace echo_threads {

class ExclusiveAcceptor {
 public:
  /// Throws std::system_error when the epoll descriptor cannot be created.
  ExclusiveAcceptor(const server::Serving& serving, int listener);

  /// Waits for a connection and returns it; an empty Descriptor once a drain has begun. The caller
  /// applies --max-connections, because the number of open connections may change during the wait.
  /// Throws std::system_error when accept(2) fails because of the listener.
  echo::Descriptor next();

 private:
  /// False when a drain has begun.
  bool wait();

  const echo::Stop& stop_;
  server::Acceptor acceptor_;
  echo::Descriptor epoll_;
};

/// Stops listening in every thread and process that shares the listener, by shutdown(2). close(2)
/// would race with threads that poll the descriptor, and the copies in other processes would still
/// listen.
void stop_listening(int listener);

}  // namespace echo_threads
