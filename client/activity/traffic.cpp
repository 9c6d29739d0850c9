#include "client/activity/traffic.hpp"

#include <algorithm>

namespace client {

TrafficActivity::TrafficActivity(Table& table, const Traffic& traffic)
    : Activity(Phase::echo), table_(table), traffic_(traffic) {
  std::uint32_t quota = Table::unlimited;
  for (std::uint32_t i = 0; i < table_.size(); ++i) {
    Connection& connection = table_[i];
    if (connection.state != State::standing) continue;
    connection.complete = false;
    // If a number of messages is given, all established connections have begun equally many.
    if (traffic.messages > 0) quota = connection.begun + traffic.messages;
  }
  table_.send_up_to(quota, traffic.half_close);
  table_.recorder().begin(traffic);
}

void TrafficActivity::begin_next(std::uint32_t index) {
  Connection& connection = table_[index];
  if (!table_.running() || (over() && connection.begun > 0)) return;
  while (connection.in_flight() < table_.depth() && connection.begun < table_.quota())
    table_.begin(index, table_.at());
}

/// Nothing is begun, and what arrives is no longer measured. A connection whose echoes in flight
/// still come back is complete, as at the planned end.
void TrafficActivity::on_stop() {
  traffic_.stop_at = std::min(traffic_.stop_at, table_.at());
  table_.recorder().stop(traffic_.stop_at);
}

/// A connection without a number of messages to reach is complete if it rests with a verified echo.
void TrafficActivity::finish() {
  const bool whole = table_.running();
  const bool no_goal =
      table_.quota() == Table::unlimited && table_.stop_reason() != StopReason::server_lost;
  for (std::uint32_t i = 0; i < table_.size(); ++i) {
    Connection& connection = table_[i];
    if (connection.state != State::standing || connection.in_flight() > 0) continue;
    if (whole || (no_goal && connection.echoed > 0)) connection.complete = true;
  }
  table_.send_up_to(Table::unlimited, false);
  table_.recorder().end();
}

}  // namespace client
