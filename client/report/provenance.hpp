// The origin of merged runs: which ended worst, where each came from, and whether they ran at the
// same time. If they did not, their sums mean little.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "client/report/run_document.hpp"

namespace client {

using Runs = std::vector<RunDocument>;

/// The run that ended worst: interrupted, then refused, then by the precedence of exit codes.
const RunDocument& worst_of(const Runs& runs);

/// A warning about the meaning of the sums, unless the runs were started as one fleet, then each
/// run's warnings with the name of its file.
boost::json::array warnings_of(const Runs& runs, bool fleet);

/// One entry per run with the figures of its machine; for a merged document, its own entries.
boost::json::array origins_of(const Runs& runs);

/// The labels that all runs share.
boost::json::object common_labels(const Runs& runs);

/// The servers' addresses, each once.
std::string targets_of(const Runs& runs);

/// Throws echo::Exit(exit_usage) if two of them are the same document.
void refuse_the_same_twice(const Runs& runs);

}  // namespace client
