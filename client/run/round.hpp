// One round of a load: connect, traffic, drain, with samples of both ends in between.
#pragma once

#include <memory>
#include <vector>

#include "client/engine/loop_group.hpp"
#include "client/run/load.hpp"
#include "client/run/watch.hpp"
#include "echo/stop.hpp"

namespace client {

/// What the rounds of a run share.
struct RunContext {
  const Options& options;
  std::vector<Connector> candidates;  ///< one per address of the target's name
  const echo::Stop& stop;
  Watch& watch;
  std::uint64_t seed = 0;
  Nanoseconds deadline_at{};  ///< of the whole run
  const Heartbeat& heartbeat;

  /// Whether a signal came or the deadline has passed.
  [[nodiscard]] bool stopping() const { return stop.draining() || now() >= deadline_at; }
};

/// Runs round `number` (from 0) and returns its result.
Result run_round(const RunContext& context, std::uint64_t number);

/// Divides the connections and rates of `options` among the loops: one plan per loop.
std::vector<Plan> plans_of(const Options& options, Nanoseconds deadline_at, const Watch& watch);

/// The share of `rate` (messages/s) for loop `number` of `group`, in proportion to the connections
/// that it holds; nullopt if it holds none.
std::optional<Pace> pace_of(LoopGroup& group, unsigned number, double rate, bool poisson,
                            std::uint64_t seed);

}  // namespace client
