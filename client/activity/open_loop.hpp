// Open loop: messages are due by a schedule, round-robin over the connections, whether or not the
// server keeps up. A message whose connection has `depth` in flight waits in the OverdueQueue; its
// latency still starts at its due time. So a stalled server is charged for each message that it
// delays (no coordinated omission).
#pragma once

#include "client/activity/participants.hpp"
#include "client/activity/traffic.hpp"
#include "client/connection/overdue_queue.hpp"

namespace client {

class OpenLoop : public TrafficActivity {
 public:
  /// All established connections take part. Precondition: traffic.pace.
  OpenLoop(Table& table, const Traffic& traffic);

  std::optional<Nanoseconds> step() override;
  void on_echoes(std::uint32_t index) override;
  void on_end(std::uint32_t index) override;
  void finish() override;

 private:
  [[nodiscard]] Nanoseconds next_due() const { return traffic_.start + traffic_.pace->due(); }
  void send_due();
  void send_waiting(std::uint32_t index);
  void record_unsent(Nanoseconds until);

  Participants participants_;
  OverdueQueue overdue_;
  std::uint64_t cursor_ = 0;  ///< messages that were due
  std::uint64_t total_;       ///< messages of the traffic
};

}  // namespace client
