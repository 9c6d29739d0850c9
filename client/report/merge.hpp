// Several clients' documents made one: the runs of several machines, or of several times.
//
// Counts are summed and histograms added bin for bin; percentiles come from the merged bins, never
// from an average of percentiles, which is no percentile of anything. What belongs to one machine
// (memory, CPU, the kernel's counters) is not added up but kept, a list with an entry for each run.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "client/report/run_document.hpp"

namespace client {

/// The runs as one document of the same schema, with `merged_from` and without the figures of a
/// machine. Throws echo::Exit(exit_usage) for runs that cannot be one: different modes or loops, or
/// the same document twice.
boost::json::value merge(const std::vector<RunDocument>& runs);

/// A merged document for people; its first three lines are those of a run.
std::string text_of_merge(const boost::json::value& merged);

/// `client merge [--json FILE|-] [--hgrm FILE] FILE...`; `arguments` without the words "client
/// merge". Returns the exit code: 0 when every run passed, 1 when one did not. Throws echo::Exit
/// and CLI::ParseError as any program's body may.
int run_merge(const std::vector<std::string>& arguments);

}  // namespace client
