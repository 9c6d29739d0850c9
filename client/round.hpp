// One round of a load: connect, traffic, drain, with a look at both ends between them.
#pragma once

#include <memory>
#include <vector>

#include "client/crew.hpp"
#include "client/load.hpp"
#include "client/watch.hpp"
#include "echo/stop.hpp"

namespace client {

/// What the rounds of a run have in common.
struct Stage {
  const Options& options;
  std::vector<Connector> candidates;  ///< one for each address of the target's name
  const echo::Stop& stop;
  Watch& watch;
  std::uint64_t seed = 0;
  Nanoseconds deadline_at{};  ///< of the whole run
};

/// Runs the `number`-th round and returns what came of it.
Result run_round(const Stage& stage, std::uint64_t number);

/// Spreads `options` over loops, `at_once` connections in all.
std::vector<Plan> plans_of(const Options& options, Nanoseconds deadline_at, const Watch& watch);

/// The share of a traffic's rate that loop `number` of `crew` has: by the connections that it
/// holds.
std::optional<Pace> pace_of(Crew& crew, unsigned number, double rate, bool poisson,
                            std::uint64_t seed);

}  // namespace client
