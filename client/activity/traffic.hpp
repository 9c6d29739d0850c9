// What closed loop, open loop and churn share: which connections take part, when each is complete,
// and what becomes of messages at the end.
#pragma once

#include "client/activity/activity.hpp"

namespace client {

/// Sockets sent on between two reads of the events.
inline constexpr std::size_t send_batch = 64;

class TrafficActivity : public Activity {
 public:
  /// All established connections take part.
  TrafficActivity(Table& table, const Traffic& traffic);
  void on_stop() override;
  void finish() override;

 protected:
  /// Whether nothing is due any more.
  [[nodiscard]] bool over() const { return table_.at() >= traffic_.stop_at; }
  /// Fills the connection up to `depth` messages in flight, due now. Its first message is sent even
  /// if the time is already over.
  void begin_next(std::uint32_t index);

  Table& table_;
  Traffic traffic_;
};

}  // namespace client
