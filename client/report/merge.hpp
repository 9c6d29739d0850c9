// Merges the documents of several client runs, made on several machines or at several times.
//
// Counts are summed and histograms added bin for bin. Percentiles come from the merged bins, never
// from an average of percentiles, which is no percentile of anything. What belongs to one machine
// (memory, CPU, the kernel's counters) is not summed: it is kept in a list with one entry per run.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <vector>

#include "client/report/ranks.hpp"
#include "client/report/run_document.hpp"
#include "echo/output/output.hpp"
#include "echo/output/result_writer.hpp"

namespace client {

/// The runs as one document of the same schema, with `merged_from` and without the figures of a
/// machine. Throws echo::Exit(exit_usage) for runs that cannot be merged: different modes or loops,
/// or the same document twice. Ranks of a fleet are one load: a row for each, and one verdict.
/// `missing`: of these, and only of them, it is known why no document came.
boost::json::value merge(const std::vector<RunDocument>& runs,
                         const std::vector<MissingRank>& missing = {});

/// Replaces the verdict.
void set_exit_code(boost::json::object& merged, int code);

/// Writes the text, unless `has_text` is false or an output is on stdout, then `hgrm` and `json`.
/// If one fails, the document has the exit code that `results` has then.
void write_merged(boost::json::object& merged, echo::Output& json, echo::Output& hgrm,
                  bool has_text, echo::ResultWriter& results);

/// The text report of a merged document. Its first three lines are those of a run.
std::string text_of_merge(const boost::json::value& merged);

/// `client merge [--json FILE|-] [--hgrm FILE] FILE...`; `arguments` without the words "client
/// merge". Returns the exit code: 0 if every run passed, 1 if one did not. Throws echo::Exit and
/// CLI::ParseError, as the body of any program may.
int run_merge(const std::vector<std::string>& arguments);

}  // namespace client
