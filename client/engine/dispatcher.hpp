// Waits for what happens to the connections of a loop, and passes it to their table: events, and
// waits that took too long. Timers are the timeouts of the waits (PreciseEpoll).
#pragma once

#include <span>

#include "client/engine/connection_table.hpp"
#include "client/engine/event_wait.hpp"
#include "client/engine/timeouts.hpp"

namespace client {

class Dispatcher {
 public:
  Dispatcher(ConnectionTable& table, EventWait& events, Timeouts& timeouts)
      : table_(table), events_(events), timeouts_(timeouts) {}

  /// Waits for events until `until`, the next timeout or the next edge of the measured phase, and
  /// handles what came. Returns at once if `until` is not later than the table's time.
  void wait(Nanoseconds until);

 private:
  void dispatch(std::span<const epoll_event> events);
  void read_what_is_ready();
  void expire();

  ConnectionTable& table_;
  EventWait& events_;
  Timeouts& timeouts_;
};

}  // namespace client
