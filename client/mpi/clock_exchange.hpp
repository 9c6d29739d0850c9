// The round trips by which a rank finds how far its clock is ahead of rank 0's.
//
// Both ends spin while they last, about 20 ms and a quarter of a second at most: a sleep would be
// longer than what is measured. Nothing is timed then, neither before the traffic nor after it. A
// signal ends them.
#pragma once

#include <optional>

#include "client/result/rank.hpp"
#include "echo/stop.hpp"

namespace client::mpi {

/// Asks rank 0 for its time, and returns how far this clock is ahead; nullopt if rank 0 did not
/// answer within a quarter of a second. `turn` numbers the measurements of this rank.
std::optional<ClockOffset> measure_clock(int turn, const echo::SignalWatch& signals);

/// Answers `rank` until it has measured, or asks nothing for a quarter of a second, or a signal
/// comes. Returns false in these cases.
bool answer_clock(int rank, int turn, const echo::SignalWatch& signals);

}  // namespace client::mpi
