// The two events of a Stop, drain and force, as waits of an io_context.
#pragma once

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <functional>
#include <utility>

#include "echo/stop.hpp"
#include "echo_async/asio/out_of_memory.hpp"
#include "echo_async/asio/socket.hpp"

namespace echo_async {

/// Calls `drain` and `force` on the strand when the stop requests them, each once. The waits are
/// work for the io_context; cancel() lets run() return.
class StopEvents {
 public:
  /// Throws std::system_error if a descriptor cannot be duplicated or watched.
  StopEvents(const Strand& strand, const echo::Stop& stop) : drain_(strand), force_(strand) {
    watch(drain_.descriptor, stop.drain_fd());
    watch(force_.descriptor, stop.force_fd());
  }

  void wait(std::function<void()> drain, std::function<void()> force) {
    drain_.then = std::move(drain);
    force_.then = std::move(force);
    begin_again();
  }
  /// Continues on the strand when there was no memory for a wait (out_of_memory.hpp). The
  /// descriptors stay readable, so no event is missed.
  void begin_again() {
    wait_for(drain_);
    wait_for(force_);
  }
  void cancel() {
    cancel(drain_);
    cancel(force_);
  }

 private:
  using Descriptor = asio::posix::basic_stream_descriptor<Strand>;
  struct Event {
    explicit Event(const Strand& strand) : descriptor(strand) {}

    Descriptor descriptor;
    std::function<void()> then;  ///< empty: it was called, or nothing waits any more
    Pending pending;
  };

  static void watch(Descriptor& event, int fd);
  static void wait_for(Event& event) {
    if (!event.then || event.pending) return;
    event.descriptor.async_wait(Descriptor::wait_read,
                                [&event, pending = event.pending.token()](error_code error) {
                                  if (error || !event.then) return;
                                  std::exchange(event.then, nullptr)();
                                });
  }
  static void cancel(Event& event) {
    event.then = nullptr;
    event.descriptor.cancel();
  }

  Event drain_;
  Event force_;
};

}  // namespace echo_async
