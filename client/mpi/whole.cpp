#include "client/mpi/whole.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

#include "client/mpi/own_files.hpp"
#include "client/report/merge.hpp"
#include "echo/exit_code.hpp"
#include "echo/hgrm.hpp"
#include "echo/report.hpp"

namespace client::mpi {
namespace {

namespace json = boost::json;

std::uint64_t failures(const RunDocument& merged) {
  std::uint64_t sum = 0;
  for (const auto& [cause, count] : merged.object("/connections/failed"))
    sum += count.to_number<std::uint64_t>();
  return sum;
}

bool holds_objectives(const RunDocument& merged) {
  const json::array& all = merged.array("/objectives");
  return std::all_of(all.begin(), all.end(), [](const json::value& each) {
    return each.at("verdict").as_string() == name_of(Verdict::held);
  });
}

/// The code that ended one of the ranks early and so ends the whole; nullopt: each ran to its end.
std::optional<int> code_of_an_early_end(const std::vector<Part>& parts) {
  std::optional<int> found;
  for (const int code : {echo::exit_internal, echo::exit_network, echo::exit_deadline}) {
    for (const Part& part : parts) {
      if (part.code == code) found = code;
    }
  }
  for (const Part& part : parts) {
    if (part.code >= echo::exit_signal) found = part.code;
  }
  return found;
}

int code_of(const Options& whole, const RunDocument& merged, const std::vector<Part>& parts) {
  if (const std::optional<int> code = code_of_an_early_end(parts)) {
    // Where only some ranks found no server, the whole has failures.
    if (*code != echo::exit_network || merged.count("/connections/established") == 0) return *code;
  }
  const bool complete = std::all_of(parts.begin(), parts.end(), [](const Part& part) {
    return !part.document.empty() && !part.lost_its_server;
  });
  const bool holds =
      complete && failures(merged) <= whole.max_errors &&
      merged.count("/connections/max_concurrent") >= whole.require_conc.value_or(0) &&
      holds_objectives(merged);
  return holds ? echo::exit_pass : echo::exit_fail;
}

void set_code(json::object& merged, int code) {
  merged["exit_code"] = code;
  merged["status"] = code == echo::exit_pass     ? "pass"
                     : code >= echo::exit_signal ? "interrupted"
                                                 : "fail";
}

}  // namespace

json::object merge_parts(const Options& whole, const std::vector<Part>& parts) {
  std::vector<RunDocument> runs;
  json::array missing;
  for (const Part& part : parts) {
    const std::string own = own_path(whole.json, part.rank);
    const std::string place = own.empty() ? fmt::format("rank {}", part.rank) : own;
    if (part.document.empty()) {
      missing.emplace_back(fmt::format(
          "rank {} on {} is missing: {}", part.rank, part.host,
          own.empty() ? "its connections are in no figure"
                      : fmt::format("its own document, if it wrote one, is {} there", own)));
    } else {
      runs.emplace_back(part.host + ":" + place, json::parse(part.document));
    }
  }
  json::object merged = std::move(merge(runs).as_object());
  json::array& warnings = merged["warnings"].as_array();
  warnings.insert(warnings.begin(), missing.begin(), missing.end());
  set_code(merged, code_of(whole, RunDocument("merged", merged), parts));
  return merged;
}

int write_whole(json::object merged, Outputs& outputs, echo::ResultWriter& results) {
  if (!outputs.json.is_stdout() && !outputs.hgrm.is_stdout())
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
