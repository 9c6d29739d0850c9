// The two events of a Stop, drain and force, as waits of an io_context.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <functional>
#include <utility>

#include "echo/stop.hpp"
#include "echo_async/asio/socket.hpp"

namespace echo_async {

/// Calls `drain` and `force` on the strand when the stop requests them, each once. The waits are
/// work for the io_context; cancel() lets run() return.
class StopEvents {
 public:
  /// Throws std::system_error if a descriptor cannot be duplicated or watched.
  StopEvents(const Strand& strand, const echo::Stop& stop) : drain_(strand), force_(strand) {
    watch(drain_, stop.drain_fd());
    watch(force_, stop.force_fd());
  }

  void wait(std::function<void()> drain, std::function<void()> force) {
    wait_for(drain_, std::move(drain));
    wait_for(force_, std::move(force));
  }
  void cancel() {
    drain_.cancel();
    force_.cancel();
  }

 private:
  using Event = asio::posix::basic_stream_descriptor<Strand>;

  static void watch(Event& event, int fd);
  static void wait_for(Event& event, std::function<void()> then) {
    event.async_wait(Event::wait_read, [then = std::move(then)](error_code error) {
      if (!error) then();
    });
  }

  Event drain_;
  Event force_;
};

}  // namespace echo_async
