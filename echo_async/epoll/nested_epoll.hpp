// An epoll descriptor of our own inside an io_context: Asio's timers and signs of a stop, and the
// data path of a raw epoll server.
//
// What Asio's reactor costs beside the floor is system calls: a recv that finds nothing for each
// that finds something, or an epoll_ctl for each wait, and batches of 128. An epoll descriptor is
// itself a descriptor that becomes readable, so the io_context waits for that one, and what is
// ready behind it is taken with epoll_wait(0): one recv and one send an echo, one wait of Asio's
// for a whole batch. Edge-triggered, so that a socket is not put back into the ready list to be
// looked at again. Source: PEERS ("an epoll descriptor nested in Asio"), epoll(7).
#pragma once

#include <sys/epoll.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <functional>
#include <optional>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo_async/asio/socket.hpp"
#include "echo_async/asio/stop_events.hpp"
#include "echo_async/epoll/connection_table.hpp"
#include "server/model.hpp"

namespace echo_async {

/// A loop with its connections, on one thread. It does not know where they come from: a source
/// enters them.
class NestedEpoll {
 public:
  /// Counts for `worker`. Throws std::system_error when a descriptor cannot be had.
  NestedEpoll(const server::Serving& serving, unsigned worker);

  [[nodiscard]] Executor executor() { return io_.get_executor(); }
  /// Calls `ready` whenever `fd` is readable (level-triggered: as long as it is), until it is
  /// forgotten. One source at a time.
  void watch_source(int fd, std::function<void()> ready);
  void forget_source();
  /// Serves a connection from now on. After the drain began: what it has sent, and then its end.
  void add(echo::Descriptor socket);

  /// Serves until the stop; returns when no connection is left and `source_is_exhausted` says that
  /// none will come. `on_drain` is called when the stop begins: the source is to be closed.
  void run(std::function<void()> on_drain, std::function<bool()> source_is_exhausted);

 private:
  using Events = asio::posix::basic_stream_descriptor<Executor>;

  void wait();
  void serve_ready();
  /// Does what a exchange asked for, until the connection has to wait. `ended`: the kernel has told
  /// of the peer's end, which it does only once.
  void apply(Connection& connection, WaitFor next, bool ended);
  void watch_again(const Connection& connection, std::uint32_t events);
  void do_due();
  void set_timer();
  void drain();
  void cut();
  void stop_when_empty();

  const server::Serving& serving_;
  asio::io_context io_{1};  // one thread: Asio leaves its locks out
  Events epoll_;            // owns our epoll descriptor
  StopEvents stop_;
  Timer timer_;
  std::optional<ConnectionTable::Clock::time_point> timer_set_to_;
  int source_fd_ = -1;
  std::function<void()> source_ready_;
  std::function<void()> on_drain_;
  std::function<bool()> source_is_exhausted_;
  bool draining_ = false;
  bool ended_ = false;
  std::vector<epoll_event> ready_;
  ConnectionTable connections_;
};

}  // namespace echo_async
