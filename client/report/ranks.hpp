// The documents of a fleet: which ranks came, which are missing, and the verdict on the whole load.
//
// A rank's document has `rank` (docs/decisions/0029-ranks-agree-on-times.md). Runs without it are
// runs for themselves, and each has its own verdict.
#pragma once

#include <boost/json/array.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/report/provenance.hpp"
#include "client/report/run_document.hpp"

namespace client {

/// A rank whose document did not come.
struct MissingRank {
  std::uint64_t rank = 0;
  std::string host;  ///< empty: not known
  std::string why;
};

/// "3=h4: the launcher ended". Throws std::invalid_argument with the form.
MissingRank parse_missing(std::string_view text);

/// Throws echo::Exit(exit_usage) unless `rank` of the document is absent, null, or as it should be.
void check_rank(const RunDocument& run);

/// Whether the runs are ranks of one fleet. Throws echo::Exit(exit_usage) if only some are, if they
/// are of fleets of different sizes, or if one rank is there twice.
bool are_ranks(const Runs& runs);

/// All that are missing, in order: those of `told`, and those of which nothing is known. Throws
/// echo::Exit(exit_usage) if one of `told` is no rank of the fleet, or is there.
std::vector<MissingRank> missing_of(const Runs& ranks, const std::vector<MissingRank>& told);

/// `ranks` of the merged document: a row for each, in their order. Times in ns.
boost::json::array rows_of(const Runs& ranks);
boost::json::array to_json(const std::vector<MissingRank>& missing);

/// What makes sums of the ranks less than they seem.
boost::json::array warnings_of_ranks(const Runs& ranks, const std::vector<MissingRank>& missing);

/// The exit code of the whole load, whose figures `merged` has: interrupted, or ended early as the
/// worst of the ranks; else failures, concurrency and objectives of all together decide.
int code_of_ranks(const Runs& ranks, const RunDocument& merged, bool complete);

}  // namespace client
