// The two signs of a Stop, as waits of an io_context.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <functional>
#include <utility>

#include "echo/stop.hpp"
#include "echo_async/asio/socket.hpp"

namespace echo_async {

/// Calls `drain` and `force` on the strand when the stop asks for them, each once. While it waits,
/// an io_context has work: forget() lets run() return.
class StopEvents {
 public:
  /// Throws std::system_error when a descriptor cannot be had.
  StopEvents(const Strand& strand, const echo::Stop& stop)
      : drain_(strand, duplicate(stop.drain_fd())), force_(strand, duplicate(stop.force_fd())) {}

  void wait(std::function<void()> drain, std::function<void()> force) {
    wait_for(drain_, std::move(drain));
    wait_for(force_, std::move(force));
  }
  void forget() {
    drain_.cancel();
    force_.cancel();
  }

 private:
  using Event = asio::posix::basic_stream_descriptor<Strand>;

  /// A copy for Asio to own: it closes what it is given.
  static int duplicate(int fd);
  static void wait_for(Event& event, std::function<void()> then) {
    event.async_wait(Event::wait_read, [then = std::move(then)](error_code error) {
      if (!error) then();
    });
  }

  Event drain_;
  Event force_;
};

}  // namespace echo_async
