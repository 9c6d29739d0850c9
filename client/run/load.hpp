// A whole run: one round or several, and what it came to.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "client/measure/observe.hpp"
#include "client/measure/tally.hpp"
#include "client/options/options.hpp"
#include "client/run/calibrate.hpp"
#include "client/run/find_rate.hpp"
#include "client/schedule/plan.hpp"

namespace client {

/// How long each phase of a round took.
struct Phases {
  Nanoseconds ramp{}, warm_up{}, measured{}, idle{}, drain{}, whole{};
  Phases& operator+=(const Phases& other);
};

/// One of several rounds (--repeat), for the question whether anything grows.
struct RoundFigures {
  std::uint64_t served = 0;
  std::uint64_t failed = 0;
  double echoes_per_s = 0;
  std::optional<std::uint64_t> server_rss;  ///< bytes, all closed and settled
  std::optional<std::uint64_t> time_wait;   ///< sockets left in TIME_WAIT, on this machine
};

/// What a run came to. Several rounds: their sum; memory and CPU are the last one's.
struct Result {
  Options options;
  boost::json::object shown_options;  ///< all, effective, as typed
  std::vector<std::string> arguments;
  echo::Endpoint target;
  std::uint64_t sources = 1;
  std::string server_name;
  Tally tally;
  std::uint64_t requested = 0;
  std::uint64_t max_concurrent = 0;
  std::uint64_t open_at_end = 0;
  StopReason stop_reason = StopReason::none;
  int signal = 0;  ///< the one that interrupted
  Phases phases;
  Moments moments;
  std::uint64_t echoes_between = 0;  ///< came back between moments.begin and moments.end
  std::vector<RoundFigures> rounds;
  std::vector<Judgement> judgements;  ///< of --slo
  std::optional<FoundRate> found;     ///< of --find-rate
  std::vector<Calibrated> calibration;
  int series_error = 0;  ///< errno; 0: every line was written
};

/// Checks the limits, runs, and returns whatever came of it. Throws echo::Exit for what is refused
/// before the first connect (2, 3, 4, 6).
Result run_load(const Options& options);

/// The contract's precedence: 130/143, 5, 4, 1, 0.
int exit_code_of(const Result& result);

/// Sentences about what may mislead in this result, and what to do about it.
std::vector<std::string> warnings_of(const Result& result);

}  // namespace client
