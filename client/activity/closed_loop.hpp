// Closed loop: each connection keeps `depth` messages in flight; the next one waits for an echo.
// The rate is the one at which the server answers, so a slow server is sent less. That is how a
// user waits, and why latency under load is measured by the open loop (open_loop.hpp).
#pragma once

#include "client/activity/participants.hpp"
#include "client/activity/traffic.hpp"

namespace client {

class ClosedLoop : public TrafficActivity {
 public:
  /// All established connections take part.
  ClosedLoop(Table& table, const Traffic& traffic);

  std::optional<Nanoseconds> step() override;
  void on_echoes(std::uint32_t index) override;
  void finish() override;

 private:
  void send_first_messages();

  Participants participants_;
  std::size_t started_ = 0;  ///< of them
};

}  // namespace client
