// --calibrate: what this client costs and can do on this machine, against the smallest echo server
// there is (reference.hpp). Whoever reads a figure of another server learns from it how much of it
// is the client's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/schedule/plan.hpp"

namespace client {

struct Options;
struct Result;

/// One line of a calibration.
struct Calibrated {
  std::string what;  ///< "closed loop", "open loop", "churn"
  std::uint64_t connections = 0;
  double per_second = 0;                                    ///< echoes; in churn connections
  std::optional<std::uint64_t> client_ns;                   ///< CPU per echo
  std::optional<std::uint64_t> server_ns;                   ///< of the reference
  std::optional<std::uint64_t> lateness_p50, lateness_p99;  ///< ns; open loop
  std::optional<std::uint64_t> resident;                    ///< bytes of the client, all standing
};

/// Several short runs, with `options` for the rest (size, depth, threads). The result is the last
/// one's, with the calibration added. Call it before other threads are there.
Result calibrate(const Options& options);

}  // namespace client
