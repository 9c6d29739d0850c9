// An epoll descriptor nested inside an io_context: Asio's timers and stop events, and the data path
// of a raw epoll server.
//
// What Asio's reactor costs beyond raw epoll is system calls: a recv that finds nothing for each
// one that finds data, or an epoll_ctl for each wait, and batches of 128. An epoll descriptor
// becomes readable itself, so the io_context waits for that one descriptor, and epoll_wait(0) takes
// the events behind it: one recv and one send per echo, one Asio wait per batch. The entries are
// edge-triggered, so that the kernel does not put a socket back into the ready list to check it
// again. Source: epoll(7), https://man7.org/linux/man-pages/man7/epoll.7.html.
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

/// A loop with its connections, on one thread. A source, such as a listener or a queue, adds them.
class NestedEpoll {
 public:
  /// Counts for `worker`. Throws std::system_error if a descriptor cannot be opened.
  NestedEpoll(const server::Serving& serving, unsigned worker);

  /// Calls `ready` whenever `fd` is readable (level-triggered: as long as it is), until
  /// unwatch_source(). One source at a time.
  void watch_source(int fd, std::function<void()> ready);
  void unwatch_source();
  /// For `ready`, when it can do nothing before `when`: it is not called until then, although the
  /// source is readable, and is called then in any case.
  void mute_source_until(ConnectionTable::Clock::time_point when);
  /// Serves a connection from now on. Once the drain has begun: echoes what it has sent, then ends
  /// it.
  void add(echo::Descriptor socket);

  /// Serves until the stop; returns when no connection is left and `source_is_exhausted` returns
  /// true: none will follow. `on_drain` is called when the stop begins, to close the source.
  void run(std::function<void()> on_drain, std::function<bool()> source_is_exhausted);

 private:
  using Events = asio::posix::basic_stream_descriptor<Executor>;

  using Time = ConnectionTable::Clock::time_point;

  void wait();
  /// Continues when there was no memory for an operation (asio/out_of_memory.hpp).
  void begin_again();
  void serve_ready();
  /// Acts on the result of an exchange, until the connection has to wait. `ended`: the kernel has
  /// reported the end of the peer's stream, which it does only once.
  void apply(Connection& connection, WaitFor next, bool ended);
  void rearm(Connection& connection, std::uint32_t events);
  bool watch_source_for(std::uint32_t events);
  void unmute_source();
  [[nodiscard]] std::optional<Time> next_due() const;
  void handle_due();
  void set_timer();
  void drain();
  void force_stop();
  void stop_when_empty();

  const server::Serving& serving_;
  asio::io_context io_{1};  // one thread: Asio omits its locks
  Events epoll_;            // owns the nested epoll descriptor
  StopEvents stop_;
  Timer timer_;
  std::optional<Time> timer_set_to_;
  bool waits_ = false;  ///< for the nested epoll
  int source_fd_ = -1;
  std::optional<Time> source_muted_until_;
  std::function<void()> source_ready_;
  std::function<void()> on_drain_;
  std::function<bool()> source_is_exhausted_;
  bool draining_ = false;
  bool ended_ = false;
  std::vector<epoll_event> ready_;
  ConnectionTable connections_;
};

}  // namespace echo_async
