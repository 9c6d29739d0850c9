// --find-rate: the highest open-loop rate at which a server holds an objective, on connections that
// are already open. A RateSearch chooses the rates of short trials. The result is a rate with its
// interval.
#pragma once

#include <cstdint>

#include "client/options/objective.hpp"
#include "client/result/found_rate.hpp"

namespace client {

class LoopGroup;
class Watch;

/// Runs the trials. The group's tallies keep the trials at the rate that passed as measured, and
/// all others as warm-up.
FoundRate find_rate(LoopGroup& group, Watch& watch, const Objective& objective, bool poisson,
                    std::uint64_t seed);

}  // namespace client
