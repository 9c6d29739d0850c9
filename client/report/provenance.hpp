// What several runs say about themselves: which ended worst, where each came from, and whether they
// went on at the same time, without which their sums mean little.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "client/report/run_document.hpp"

namespace client {

using Runs = std::vector<RunDocument>;

/// The run whose end counts most: interrupted, refused, then as the contract orders exit codes.
const RunDocument& worst_of(const Runs& runs);

/// Each run's warnings behind the name of its file, after one about what the sums mean.
boost::json::array warnings_of(const Runs& runs);

/// An entry for each run with what belongs to its machine; of a merged one, its own entries.
boost::json::array origins_of(const Runs& runs);

/// The labels that all runs share.
boost::json::object common_labels(const Runs& runs);

/// The servers' addresses, each once.
std::string targets_of(const Runs& runs);

/// Throws echo::Exit(exit_usage) when two of them are one document.
void refuse_the_same_twice(const Runs& runs);

}  // namespace client
