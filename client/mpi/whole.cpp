#include "client/mpi/whole.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "client/mpi/own_files.hpp"
#include "client/report/merge.hpp"
#include "echo/exit_code.hpp"
#include "echo/hgrm.hpp"
#include "echo/report.hpp"

namespace client::mpi {
namespace {

namespace json = boost::json;

void set_code(json::object& merged, int code) {
  merged["exit_code"] = code;
  merged["status"] = code == echo::exit_pass     ? "pass"
                     : code >= echo::exit_signal ? "interrupted"
                                                 : "fail";
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
    if (!part.document.empty()) {
      runs.emplace_back(part.host + ":" + place, json::parse(part.document));
    } else {
      missing.push_back({part.rank, part.host,
                         own.empty()
                             ? "it ended before its results came"
                             : fmt::format("its own document, if it wrote one, is {} there", own)});
    }
  }
  json::object merged = std::move(merge(runs, missing).as_object());
  if (lost_a_server && merged["exit_code"] == echo::exit_pass) set_code(merged, echo::exit_fail);
  return merged;
}

int write_whole(json::object merged, Outputs& outputs, bool has_text, echo::ResultWriter& results) {
  if (has_text && !outputs.json.is_stdout() && !outputs.hgrm.is_stdout())
    results.write_text(text_of_merge(merged));
  results.attempt([&] {
    if (!outputs.hgrm.is_wanted()) return;
    outputs.hgrm.write(echo::hgrm_of(RunDocument("merged", merged).histogram("/latency/echo")),
                       results.patience_for(outputs.hgrm));
  });
  results.attempt([&] {
    if (!outputs.json.is_wanted()) return;
    if (results.has_failed()) set_code(merged, results.code());
    outputs.json.write(echo::text_of_document(merged), results.patience_for(outputs.json));
  });
  return results.finish();
}

}  // namespace client::mpi
