// A process per connection: the parent accepts and forks, the child serves and ends.
//
// The oldest concurrent server (inetd, sshd). It wins in isolation: a connection that crashes,
// leaks or is killed affects no other connection, and its memory is freed when its process ends. It
// costs a process per connection: page tables, a stack, a copy of each page that is written, and a
// fork(2) that copies the parent's page tables and descriptor table. A thread with few descriptors
// forks, to keep the second copy small (process/fork_server.hpp). It breaks where connections are
// short, or where much memory is to be shared.
// Source: Stevens, Fenner and Rudoff, UNIX Network Programming 1, chapter 30, "concurrent server,
// one child per client".
// Compare: diff echo_threads/fork_per_connection.cpp echo_threads/thread_per_connection.cpp
// Try it: ./echo_threads --model fork-per-connection & ./client -n 10000
#include <poll.h>

#include <cstddef>
#include <utility>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/accept/pending_connections.hpp"
#include "echo_threads/process/children.hpp"
#include "server/model.hpp"
#include "server/shortage.hpp"

namespace echo_threads {
namespace {

/// A child for each connection. The parent counts for all, because a child that is killed could not
/// count its own connection as closed.
class ConnectionChildren {
 public:
  explicit ConnectionChildren(const server::Serving& serving)
      : serving_(serving), buffer_(serving.options.buffer_size) {}

  void start(echo::Descriptor connection) {
    serving_.counters.announce(0);  // before the child can echo a byte
    if (fork_for(connection)) return serving_.counters.confirm();
    server::note_task_shortage(serving_.measurements);
    serving_.counters.withdraw(0);
    serving_.counters.shed(server::Shed::processes);
    connection.reset();  // after the counts, which its peer may look at
  }
  [[nodiscard]] std::size_t count() const { return children_.count(); }
  [[nodiscard]] int ended_fd() const { return children_.ended_fd(); }
  void reap_ended() { children_.reap(count_closed_); }
  void drain() { children_.drain(); }
  void stop() { children_.stop(serving_.stop, count_closed_); }

 private:
  /// fork fails with EAGAIN at limits that may pass as children end. So it tries a few times, then
  /// gives up this connection only.
  bool fork_for(echo::Descriptor& connection) {
    // The child writes to its own copy of the buffer's pages; only pages in use are copied.
    const auto work = [&](int fd) { serve_in_child(fd, buffer_.bytes(), serving_, 0); };
    for (int attempt = 0; attempt < 3 && connection; ++attempt) {
      if (children_.start(0, {}, work, connection)) return true;
      pollfd ended{children_.ended_fd(), POLLIN, 0};
      ::poll(&ended, 1, 1);  // should it fail, the next attempt comes at once
      reap_ended();
    }
    return false;
  }

  const server::Serving& serving_;
  Buffer buffer_;
  const Children::OnExit count_closed_ = [this](const Children::Ended& ended) {
    if (!ended.forced) serving_.counters.closed(0);
  };
  Children children_{serving_.counters};
};

/// Accepts, and starts a child for each of at most 16 connections: then it is time to look for the
/// stop and for children that have ended. False: no connection was waiting.
bool start_some(PendingConnections& pending, ConnectionChildren& children) {
  int started = 0;
  for (; started < 16; ++started) {
    echo::Descriptor connection = pending.next(children.count());
    if (!connection) break;
    children.start(std::move(connection));
  }
  return started > 0;
}

void serve(const server::Serving& serving) {
  PendingConnections pending{serving};  // the listener, and accepted connections without a child
  ConnectionChildren children{serving};

  while (pending.wait(children.ended_fd())) {  // until the stop begins
    children.reap_ended();
    start_some(pending, children);
  }

  pending.drain();  // no longer listens
  // A signal reaches a child that is blocked in recv(2): its handler shuts the connection down for
  // reading. If the stop is already forced, nothing more is echoed.
  if (!serving.stop.forced()) children.drain();
  while (start_some(pending, children)) children.reap_ended();  // these are shut down too
  pending.close();                                              // those that a forced stop has left
  children.stop();  // reaps all; when the stop is forced, it ends them
}

limits::Demand demand(std::uint64_t connections) {
  return {connections, limits::process_traits()};
}

server::Configured configure(CLI::App&) {
  return {.check = {},
          .shape = {},
          .demand = [](const server::ServerOptions&,
                       std::uint64_t connections) { return demand(connections); },
          .serve = serve};
}

}  // namespace

extern constinit const server::Model fork_per_connection{
    "fork-per-connection", "a process for each connection, blocking reads and writes", configure};

}  // namespace echo_threads
