// The traffic of a round, with samples of both ends at the edges of its measured phase.
#pragma once

#include <cstdint>

#include "client/engine/loop_group.hpp"
#include "client/measure/observe.hpp"
#include "client/result/result.hpp"
#include "client/run/run_context.hpp"

namespace client {

/// Runs the traffic on the connections of `group`. Fills in moments.begin and moments.end of
/// `result`, and the lengths of its warm-up and its measured phase.
void run_traffic(const RunContext& context, const Observer& observer,
                 const Concurrency& concurrency, LoopGroup& group, std::uint64_t seed,
                 Result& result);

}  // namespace client
