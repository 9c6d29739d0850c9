// --calibrate: the client's own cost and capacity on this machine, measured against the smallest
// echo server (reference_server.hpp). It shows how much of a figure of another server is due to the
// client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/schedule/plan.hpp"
#include "echo/stop.hpp"

namespace client {

struct Options;
struct Result;

/// One line of a calibration.
struct Calibrated {
  std::string what;  ///< "closed loop", "open loop", "churn"
  std::uint64_t connections = 0;
  double per_second = 0;                                    ///< echoes; in churn connections
  std::optional<std::uint64_t> client_ns;                   ///< CPU per echo
  std::optional<std::uint64_t> server_ns;                   ///< of the reference server
  std::optional<std::uint64_t> lateness_p50, lateness_p99;  ///< ns; open loop
  std::optional<std::uint64_t> resident;                    ///< bytes of the client, all connected
};

/// Makes several short runs; `options` sets the rest (size, depth, threads). Returns the result of
/// the last run with the calibration added. `stop` and `begun` as for run_load(). Call it before
/// threads exist that hold locks.
Result calibrate(const Options& options, const echo::Stop& stop, Nanoseconds begun);

}  // namespace client
