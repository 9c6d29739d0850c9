// --calibrate: the client's own cost and capacity on this machine, measured against the smallest
// echo server (reference_server.hpp). It shows how much of a figure of another server is due to the
// client.
#pragma once

#include "client/result/result.hpp"
#include "client/schedule/plan.hpp"
#include "echo/stop.hpp"

namespace client {

/// Makes several short runs; `options` sets the rest (size, depth, threads). Returns the result of
/// the last run with the calibration added. `stop` and `begun` as for run_load(). Call it before
/// threads exist that hold locks.
Result calibrate(const Options& options, const echo::Stop& stop, Nanoseconds begun);

}  // namespace client
