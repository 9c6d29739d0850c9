// One round of a load: connect, traffic, drain, with a look at both ends between them.
#pragma once

#include <memory>
#include <vector>

#include "client/engine/loop_group.hpp"
#include "client/run/load.hpp"
#include "client/run/watch.hpp"
#include "echo/stop.hpp"

namespace client {

/// What the rounds of a run have in loops.
struct RunContext {
  const Options& options;
  std::vector<Connector> candidates;  ///< one for each address of the target's name
  const echo::Stop& stop;
  Watch& watch;
  std::uint64_t seed = 0;
  Nanoseconds deadline_at{};  ///< of the whole run
};

/// Runs the `number`-th round and returns what came of it.
Result run_round(const RunContext& context, std::uint64_t number);

/// Spreads `options` over loops, `at_once` connections in all.
std::vector<Plan> plans_of(const Options& options, Nanoseconds deadline_at, const Watch& watch);

/// The share of a traffic's rate that loop `number` of `group` has: by the connections that it
/// holds.
std::optional<Pace> pace_of(LoopGroup& group, unsigned number, double rate, bool poisson,
                            std::uint64_t seed);

}  // namespace client
