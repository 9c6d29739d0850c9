// What the rounds of a run share.
#pragma once

#include <cstdint>
#include <vector>

#include "client/connection/connector.hpp"
#include "client/fleet/rendezvous.hpp"
#include "client/measure/heartbeat.hpp"
#include "client/options/options.hpp"
#include "client/run/watch.hpp"
#include "client/schedule/plan.hpp"
#include "echo/stop.hpp"

namespace client {

struct RunContext {
  const Options& options;
  std::vector<Connector> candidates;  ///< one per address of the target's name
  const echo::Stop& stop;
  Watch& watch;
  std::uint64_t seed = 0;
  Nanoseconds deadline_at{};  ///< of the whole run
  const Heartbeat& heartbeat;
  Rendezvous* rendezvous = nullptr;  ///< nullptr: this client is alone

  /// When the traffic of all ranks begins, on the clock of now(); waits for the other ranks.
  [[nodiscard]] Nanoseconds agreed_traffic() const {
    if (rendezvous == nullptr) return now();
    watch.show_message("waiting for the other clients");
    return rendezvous->traffic(stop, deadline_at);
  }
  /// Whether a signal came or the deadline has passed.
  [[nodiscard]] bool stopping() const { return stop.draining() || now() >= deadline_at; }
};

}  // namespace client
