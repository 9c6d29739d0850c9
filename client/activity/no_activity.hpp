// Receives the events while no other activity runs: messages in flight are recorded, and nothing is
// begun.
#pragma once

#include "client/activity/activity.hpp"

namespace client {

class NoActivity final : public Activity {
 public:
  NoActivity() : Activity(Phase::connect) {}
  std::optional<Nanoseconds> step() override { return std::nullopt; }
};

}  // namespace client
