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
// Try it: ./echo_threads --model fork-per-connection & ./client -n 10000
#include <poll.h>

#include <utility>

#include "echo_threads/accept/accept_loop.hpp"
#include "echo_threads/accept/pending_connections.hpp"
#include "echo_threads/process/children.hpp"
#include "server/model.hpp"

namespace echo_threads {
namespace {

/// The parent. It counts for all children, because a child that is killed could not count its own
/// connection as closed.
class Server {
 public:
  explicit Server(const server::Serving& serving)
      : serving_(serving), pending_(serving), buffer_(serving.options.buffer_size) {}

  void run() {
    // Forks between two checks for the stop and for children that ended.
    constexpr int batch = 16;
    while (pending_.wait(children_.ended_fd())) {
      children_.reap(count_closed_);
      for (int i = 0; i < batch; ++i) {
        echo::Descriptor connection = pending_.next(children_.count());
        if (!connection) break;
        start(std::move(connection));
      }
    }
    pending_.drain();
    if (!serving_.stop.forced()) children_.drain();
    while (echo::Descriptor connection = pending_.next(children_.count())) {
      start(std::move(connection));
      children_.reap(count_closed_);
    }
    pending_.close();
    children_.stop(serving_.stop, count_closed_);
  }

 private:
  void start(echo::Descriptor connection) {
    serving_.counters.announce(0);  // before the child can echo a byte
    if (fork_for(connection)) return serving_.counters.confirm();
    serving_.counters.withdraw(0);
    serving_.counters.shed(server::Shed::processes);
    connection.reset();  // after the counts, which its peer may look at
  }

  /// fork fails with EAGAIN at limits that may pass as children end. So it tries a few times, then
  /// gives up this connection only.
  bool fork_for(echo::Descriptor& connection) {
    // The child writes to its own copy of the buffer's pages; only pages in use are copied.
    const auto work = [&](int fd) { serve_in_child(fd, buffer_.bytes(), serving_, 0); };
    for (int attempt = 0; attempt < 3 && connection; ++attempt) {
      if (children_.start(0, {}, work, connection)) return true;
      pollfd ended{children_.ended_fd(), POLLIN, 0};
      ::poll(&ended, 1, 1);  // should it fail, the next attempt comes at once
      children_.reap(count_closed_);
    }
    return false;
  }

  const server::Serving& serving_;
  PendingConnections pending_;
  Buffer buffer_;
  const Children::OnExit count_closed_ = [this](const Children::Ended& ended) {
    if (!ended.forced) serving_.counters.closed(0);
  };
  Children children_{serving_.counters};
};

limits::Demand demand(const server::ServerOptions&, std::uint64_t connections) {
  return {connections, limits::process_traits()};
}

server::Configured configure(CLI::App&) {
  return {.check = {}, .shape = {}, .demand = demand, .serve = [](const server::Serving& serving) {
            Server{serving}.run();
          }};
}

}  // namespace

extern constinit const server::Model fork_per_connection{
    "fork-per-connection", "a process for each connection, blocking reads and writes", configure};

}  // namespace echo_threads
