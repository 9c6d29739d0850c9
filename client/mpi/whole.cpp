#include "client/mpi/whole.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <optional>
#include <utility>

#include "client/mpi/own_files.hpp"
#include "client/report/merge.hpp"
#include "echo/exit_code.hpp"

namespace client::mpi {

namespace json = boost::json;

namespace {

/// nullopt: it did not come, or not whole: its rank was lost on the way.
std::optional<RunDocument> document_of(const Part& part, const std::string& place) {
  boost::system::error_code failed;
  json::value document = json::parse(part.document, failed);
  if (failed) return std::nullopt;
  return RunDocument{part.host + ":" + place, std::move(document)};
}

}  // namespace

json::object merge_parts(const Options& whole, const std::vector<Part>& parts) {
  std::vector<RunDocument> runs;
  std::vector<MissingRank> missing;
  bool lost_a_server = false;
  for (const Part& part : parts) {
    lost_a_server = lost_a_server || part.lost_its_server;
    const std::string own = own_path(whole.json, part.rank);
    const std::string place = own.empty() ? fmt::format("rank {}", part.rank) : own;
    if (std::optional<RunDocument> run = document_of(part, place)) {
      runs.push_back(std::move(*run));
    } else {
      missing.push_back({part.rank, part.host,
                         own.empty()
                             ? "it ended before its results came"
                             : fmt::format("its own document, if it wrote one, is {} there", own)});
    }
  }
  json::object merged = std::move(merge(runs, missing).as_object());
  if (lost_a_server && merged["exit_code"] == echo::exit_pass)
    set_exit_code(merged, echo::exit_fail);
  return merged;
}

}  // namespace client::mpi
