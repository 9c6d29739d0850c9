#include "client/engine/dispatcher.hpp"

#include <algorithm>

namespace client {

void Dispatcher::wait(Nanoseconds until) {
  const Nanoseconds next_edge = table_.recorder().next_edge();
  const std::span<const epoll_event> events =
      events_.wait(table_.at(), std::min({until, timeouts_.next_scan(), next_edge}));
  table_.tick();
  if (!events_.polled_in_vain()) table_.recorder().waited_for_events();
  if (!events.empty()) table_.events_came();
  dispatch(events);
  if (table_.at() >= timeouts_.next_scan()) [[unlikely]] {
    read_what_is_ready();
    expire();
  }
}

void Dispatcher::dispatch(std::span<const epoll_event> events) {
  for (const epoll_event& event : events) {
    switch (event.data.u32) {
      case EventWait::drain_index:
        table_.request_stop();
        break;
      case EventWait::force_index:
        table_.force();
        break;
      default:
        table_.on_events(event.data.u32, event.events);
    }
  }
}

/// Reads the events that are ready now, before anything times out: an echo that came while this
/// process was away, or that waits behind a full batch, is not late. Each connection has at most
/// one event, so the number of reads is bounded.
void Dispatcher::read_what_is_ready() {
  for (std::size_t reads = table_.size() / EventWait::capacity + 1; reads > 0; --reads) {
    const std::span<const epoll_event> events = events_.ready();
    if (events.empty()) return;
    table_.tick();
    table_.events_came();
    dispatch(events);
  }
}

/// Ends each connection whose connect or oldest message takes too long.
void Dispatcher::expire() {
  timeouts_.begin_scan(table_.at());
  for (std::uint32_t i = 0; i < table_.size(); ++i) {
    if (!table_.waits(i)) continue;
    const Nanoseconds since = table_.waits_since(i);
    const bool expires = table_[i].state == State::connecting
                             ? timeouts_.connect_expires(since, table_.at())
                             : timeouts_.message_expires(since, table_.at());
    if (expires) table_.expire(i);
  }
  timeouts_.end_scan(table_.at());
}

}  // namespace client
