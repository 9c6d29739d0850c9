// A whole run: the first connection, the phases, and a sample of both ends between them.
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "client/loop.hpp"
#include "client/observe.hpp"
#include "client/options.hpp"
#include "client/tally.hpp"

namespace client {

/// What a run came to.
struct Result {
  Options options;
  boost::json::object shown_options;  ///< all, effective, as typed
  std::vector<std::string> arguments;
  echo::Endpoint target;
  std::uint64_t sources = 1;
  std::string server_name;
  Tally tally;
  Cut cut = Cut::none;
  int signal = 0;  ///< the one that interrupted
  Nanoseconds ramp{}, echo{}, drain{}, whole{};
  Moments moments;
  std::uint64_t echoes_within = 0;  ///< came back between moments.begin and moments.end
};

/// Checks the limits, runs, and returns whatever came of it. Throws echo::Exit for what is refused
/// before the first connect (2, 3, 4, 6).
Result run_load(const Options& options);

/// The contract's precedence: 130/143, 5, 4, 1, 0.
int exit_code_of(const Result& result);

/// Sentences about what may mislead in this result.
std::vector<std::string> warnings_of(const Result& result);

}  // namespace client
