// The result of a run: what was measured, and what follows from it.
//
// A run fills in the first part. The second part is computed once, by conclude() and exit_code_of()
// in findings/; the reports only format both.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/measure/heartbeat.hpp"
#include "client/measure/observe.hpp"
#include "client/measure/sampler.hpp"
#include "client/measure/tally.hpp"
#include "client/options/options.hpp"
#include "client/result/checks.hpp"
#include "client/result/costs.hpp"
#include "client/result/found_rate.hpp"
#include "client/result/rank.hpp"
#include "client/schedule/plan.hpp"
#include "echo/socket.hpp"

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

/// One line of --calibrate.
struct Calibrated {
  std::string what;  ///< "closed loop", "open loop", "churn"
  std::uint64_t connections = 0;
  double per_second = 0;                                    ///< echoes; in churn connections
  std::optional<std::uint64_t> client_ns;                   ///< CPU per echo
  std::optional<std::uint64_t> server_ns;                   ///< of the reference server
  std::optional<std::uint64_t> lateness_p50, lateness_p99;  ///< ns; open loop
  std::optional<std::uint64_t> resident;                    ///< bytes of the client, all connected
};

/// Rates per second; nullopt where no time passed.
struct Throughput {
  std::optional<double> echoes, bytes;  ///< within the measured phase
  std::optional<double> connects;       ///< in churn within the measured phase, else in the ramp
};

/// Of several rounds: the sum; memory, CPU and samples are those of the last.
struct Result {
  Options options;
  boost::json::object shown_options;  ///< all, with effective values, as one would type them
  std::vector<std::string> arguments;
  echo::Endpoint target;  ///< unset if the run ended while its name was looked up
  std::uint64_t sources = 1;
  std::string server_name;      ///< for the reports; "-" if it was not found
  bool server_is_known = true;  ///< false: its process was not found
  std::string other_listener;   ///< holds the listener in place of --server-pid; "" if none does
  Tally tally;
  std::uint64_t requested = 0;
  std::uint64_t max_concurrent = 0;
  std::uint64_t open_at_end = 0;
  StopReason stop_reason = StopReason::none;
  int signal = 0;                   ///< the one that interrupted the run
  Nanoseconds deadline_at = never;  ///< on the clock of now()
  Phases phases;
  Moments moments;
  std::vector<Samples> samples;      ///< of each loop
  Absences away;                     ///< of the client, in the measured windows
  std::uint64_t echoes_between = 0;  ///< received between moments.begin and moments.end
  /// Free memory, in bytes, at which no further connection was opened (--keep-free).
  std::optional<std::uint64_t> short_of_memory_at;
  std::vector<RoundFigures> rounds;
  std::optional<FoundRate> found;  ///< of --find-rate
  std::vector<Calibrated> calibration;
  std::optional<Rank> rank;                    ///< of a fleet
  std::optional<CommonMoment> traffic_begins;  ///< of the last round, in a fleet
  std::string lost_status_lines;               ///< a warning; empty: none was lost

  // What follows from it.
  Costs costs;
  Throughput throughput;
  Checks checks;
  std::vector<Judgement> judgements;  ///< of --slo
  std::vector<std::string> warnings;  ///< what may make the result misleading, and the remedy
  int exit_code = 0;
};

/// The address that the run connected to, or the name that was not resolved.
std::string target_text(const Result& result);

}  // namespace client
