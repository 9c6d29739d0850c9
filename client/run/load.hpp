// A whole run: one or several rounds, and its result.
#pragma once

#include <chrono>

#include "client/fleet/rendezvous.hpp"
#include "client/options/options.hpp"
#include "client/result/result.hpp"
#include "client/schedule/plan.hpp"
#include "echo/output/line_output.hpp"
#include "echo/stop.hpp"

namespace client {

/// Checks the limits, runs the load and returns the concluded result (conclusion.hpp), except for
/// Result::exit_code, which depends on the signal. Throws echo::Exit for what is refused
/// before the first connect (exit codes 2, 3, 4, 6).
///
/// `stop` ends it; the caller creates it, with its SignalWatch, before anything that may wait, and
/// sets Result::signal. `begun`: from then on the deadline counts, or from --start-at if given.
/// `series`: nullptr for none; opened once nothing can be refused any more. `rendezvous`: with the
/// other clients of a fleet; nullptr for none.
Result run_load(const Options& options, const echo::Stop& stop, Nanoseconds begun,
                echo::LineOutput* series, Rendezvous* rendezvous = nullptr);

/// From the first signal until the client ends immediately.
inline constexpr std::chrono::seconds drain_after_signal{2};

/// Throws echo::Exit(exit_refused) that names the first limit of this machine, local ports
/// excepted, that is too low for the client. run_load() checks all of them.
void check_limits(const Options& options);

}  // namespace client
