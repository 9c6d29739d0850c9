// A whole run: one or several rounds, and its result.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/engine/heartbeat.hpp"
#include "client/measure/observe.hpp"
#include "client/measure/tally.hpp"
#include "client/options/options.hpp"
#include "client/run/calibrate.hpp"
#include "client/run/find_rate.hpp"
#include "client/schedule/plan.hpp"
#include "echo/output/line_output.hpp"
#include "echo/stop.hpp"

namespace client {

/// How long each phase of a round took.
struct Phases {
  Nanoseconds ramp{}, warm_up{}, measured{}, idle{}, drain{}, whole{};
  Phases& operator+=(const Phases& other);
};

/// The figures of one of several rounds (--repeat), to see whether anything grows.
struct RoundFigures {
  std::uint64_t served = 0;
  std::uint64_t failed = 0;
  double echoes_per_s = 0;
  std::optional<std::uint64_t> server_rss;  ///< bytes, steady after all connections are closed
  std::optional<std::uint64_t> time_wait;   ///< sockets left in TIME_WAIT on this machine
};

/// The result of a run. Of several rounds: the sum; memory and CPU are those of the last.
struct Result {
  Options options;
  boost::json::object shown_options;  ///< all, with effective values, as one would type them
  std::vector<std::string> arguments;
  echo::Endpoint target;  ///< unset if the run ended while its name was looked up
  std::uint64_t sources = 1;
  std::string server_name;
  std::string other_listener;  ///< holds the listener in place of --server-pid; "" if none does
  Tally tally;
  std::uint64_t requested = 0;
  std::uint64_t max_concurrent = 0;
  std::uint64_t open_at_end = 0;
  StopReason stop_reason = StopReason::none;
  int signal = 0;  ///< the one that interrupted the run
  Phases phases;
  Moments moments;
  Absences away;                     ///< of the client, in the measured windows
  std::uint64_t echoes_between = 0;  ///< received between moments.begin and moments.end
  std::vector<RoundFigures> rounds;
  std::vector<Judgement> judgements;  ///< of --slo
  std::optional<FoundRate> found;     ///< of --find-rate
  std::vector<Calibrated> calibration;
  std::string lost_status_lines;  ///< a warning; empty: none was lost
};

/// Checks the limits, runs the load and returns the result. Throws echo::Exit for what is refused
/// before the first connect (exit codes 2, 3, 4, 6).
///
/// `stop` ends it; the caller creates it, with its SignalWatch, before anything that may wait, and
/// sets Result::signal. `begun`: from then on the deadline counts, or from --start-at if given.
/// `series`: nullptr for none; opened once nothing can be refused any more.
Result run_load(const Options& options, const echo::Stop& stop, Nanoseconds begun,
                echo::LineOutput* series);

/// From the first signal until the client ends immediately.
inline constexpr std::chrono::seconds drain_after_signal{2};

/// Throws echo::Exit(exit_refused) that names the first limit of this machine, local ports
/// excepted, that is too low for the client. run_load() checks all of them.
void check_limits(const Options& options);

/// The exit code; precedence 129/130/143, 5, 4, 1, 0.
int exit_code_of(const Result& result);

/// The address that the run connected to, or the name that was not resolved.
std::string target_text(const Result& result);

/// Warnings: what may make this result misleading, and the remedy.
std::vector<std::string> warnings_of(const Result& result);

}  // namespace client
