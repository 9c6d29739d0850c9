// The share of each loop in the connections and in the rates of a run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "client/engine/loop_group.hpp"
#include "client/options/options.hpp"
#include "client/run/watch.hpp"
#include "client/schedule/plan.hpp"

namespace client {

/// Divides the connections and rates of `options` among the loops: one plan per loop.
std::vector<Plan> plans_of(const Options& options, Nanoseconds deadline_at, const Watch& watch);

/// Divides `rate` (messages/s) among the loops of `group`, in proportion to the connections that
/// each holds; nullopt for a loop that holds none, and for all of them if `rate` is 0. `rate` is
/// that of this client, which has `share` of the whole.
std::vector<std::optional<Pace>> paces_of(LoopGroup& group, double rate, bool poisson,
                                          std::uint64_t seed, Share share);

}  // namespace client
