#include "client/report/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "client/options/objective.hpp"
#include "client/report/document_parts.hpp"
#include "client/report/provenance.hpp"
#include "client/report/ranks.hpp"
#include "client/report/validate.hpp"
#include "client/result/rate.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"

namespace client {

void set_exit_code(boost::json::object& merged, int code) {
  merged["exit_code"] = code;
  merged["status"] = status_of(code);
}

namespace {

namespace json = boost::json;

/// The numbers of the object at `pointer`, summed over the runs by key; all else is left out.
json::object sums(const Runs& runs, const std::string& pointer) {
  json::object total;
  for (const auto& [key, value] : runs.front().object(pointer)) {
    if (!value.is_number() || key == "reconnects") continue;
    std::uint64_t sum = 0;
    const std::string each = pointer + "/" + std::string(key);
    for (const RunDocument& run : runs) sum = run.sum(sum, run.count(each), each);
    total[key] = sum;
  }
  return total;
}

std::uint64_t largest(const Runs& runs, const std::string& pointer) {
  std::uint64_t most = 0;
  for (const RunDocument& run : runs) most = std::max(most, run.count(pointer));
  return most;
}

/// Adds the histogram at `pointer` to `whole`, bin for bin.
void add(echo::Histogram& whole, const RunDocument& run, const std::string& pointer) {
  const echo::Histogram part = run.histogram(pointer);
  static_cast<void>(run.sum(whole.count(), part.count(), pointer + "/count"));
  static_cast<void>(run.sum(whole.sum(), part.sum(), pointer + "/sum"));
  whole += part;
}

/// The histograms at `pointer` added bin for bin; null if no run has one.
json::value merged_histogram(const Runs& runs, const std::string& pointer) {
  echo::Histogram whole;
  bool any = false;
  for (const RunDocument& run : runs) {
    if (run.at(pointer).is_null()) continue;
    add(whole, run, pointer);
    any = true;
  }
  return any ? echo::to_json(whole) : json::value(nullptr);
}

/// The value at `pointer` that all runs share. Runs that differ in it cannot be merged.
json::value common(const Runs& runs, const std::string& pointer) {
  const RunDocument& first = runs.front();
  for (const RunDocument& run : runs) {
    if (run.at(pointer) == first.at(pointer)) continue;
    const auto shown = [&pointer](const RunDocument& one) {
      return one.at(pointer).is_string() ? one.text(pointer) : "null";
    };
    run.refuse(pointer, fmt::format("\"{}\", but \"{}\" in {}: these are different measurements",
                                    shown(run), shown(first), first.name()));
  }
  return first.at(pointer);
}

/// Documents of before --protocol have none.
std::string protocol_of(const RunDocument& run) {
  return run.at("/protocol").is_null() ? "echo" : run.text("/protocol");
}

std::string common_protocol(const Runs& runs) {
  const std::string first = protocol_of(runs.front());
  for (const RunDocument& run : runs) {
    if (protocol_of(run) == first) continue;
    run.refuse("/protocol",
               fmt::format("\"{}\", but \"{}\" in {}: these are different measurements",
                           protocol_of(run), first, runs.front().name()));
  }
  return first;
}

std::uint64_t merged_reconnects(const Runs& runs) {
  const char* const pointer = "/connections/reconnects";
  std::uint64_t sum = 0;
  for (const RunDocument& run : runs) {
    if (!run.at(pointer).is_null()) sum = run.sum(sum, run.count(pointer), pointer);
  }
  return sum;
}

json::object merged_connections(const Runs& runs) {
  std::map<std::string, std::uint64_t> failed;
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::uint64_t> errors;
  for (const RunDocument& run : runs) {
    for (const auto& [cause, count] : run.object("/connections/failed")) {
      const std::string here = "/connections/failed/" + std::string(cause);
      failed[cause] = run.sum(failed[cause], run.count(here), here);
    }
    for (std::size_t i = 0; i < run.array("/connections/errors").size(); ++i) {
      const std::string here = fmt::format("/connections/errors/{}", i);
      std::uint64_t& sum = errors[{run.text(here + "/cause"), run.text(here + "/phase"),
                                   run.count(here + "/errno")}];
      sum = run.sum(sum, run.count(here + "/count"), here);
    }
  }
  json::object connections = sums(runs, "/connections");
  json::object by_cause;
  for (const auto& [cause, count] : failed) by_cause[cause] = count;
  connections["reconnects"] = merged_reconnects(runs);
  connections["failed"] = by_cause;
  json::array list;
  for (const auto& [error, count] : errors) {
    const auto& [cause, phase, number] = error;
    list.push_back(
        json::object{{"cause", cause}, {"phase", phase}, {"errno", number}, {"count", count}});
  }
  connections["errors"] = list;
  return connections;
}

json::object merged_echoes(const Runs& runs) {
  json::object echoes = sums(runs, "/echoes");
  json::value& first = echoes["first_mismatch"];
  for (const RunDocument& run : runs) {
    if (first.is_null()) first = run.at("/echoes/first_mismatch");
  }
  return echoes;
}

/// Times are those of the longest run: the runs are assumed to have run at the same time.
json::object merged_phases(const Runs& runs) {
  json::object ramp{{"ns", largest(runs, "/phases/ramp/ns")},
                    {"echo", merged_histogram(runs, "/phases/ramp/echo")}};
  Runs warmed;
  for (const RunDocument& run : runs) {
    if (!run.at("/phases/warm_up").is_null()) warmed.push_back(run);
  }
  json::value warm_up = nullptr;
  if (!warmed.empty()) {
    json::object sum = sums(warmed, "/phases/warm_up");
    sum["ns"] = largest(warmed, "/phases/warm_up/ns");
    sum["echo"] = merged_histogram(warmed, "/phases/warm_up/echo");
    warm_up = sum;
  }
  json::object measured = sums(runs, "/phases/measured");
  measured["ns"] = largest(runs, "/phases/measured/ns");
  return json::object{{"ramp", ramp},
                      {"warm_up", warm_up},
                      {"measured", measured},
                      {"idle", json::object{{"ns", largest(runs, "/phases/idle/ns")}}},
                      {"drain", json::object{{"ns", largest(runs, "/phases/drain/ns")}}},
                      {"whole_ns", largest(runs, "/phases/whole_ns")}};
}

/// Rates are summed; one unknown rate makes the sum unknown.
json::object merged_throughput(const Runs& runs) {
  json::object total;
  for (const char* key : {"echoes_per_s", "bytes_per_s", "connects_per_s"}) {
    std::optional<double> sum = 0;
    for (const RunDocument& run : runs) {
      const json::value& rate = run.at(std::string("/throughput/") + key);
      sum = sum && rate.is_number() ? std::optional(*sum + rate.to_number<double>()) : std::nullopt;
    }
    total[key] = sum ? rate_json(*sum) : json::value(nullptr);
  }
  return total;
}

/// Of the runs that counted them; null if none did.
json::value merged_retransmissions(const Runs& runs) {
  Runs counted;
  for (const RunDocument& run : runs) {
    if (!run.at("/latency/retransmissions").is_null()) counted.push_back(run);
  }
  if (counted.empty()) return nullptr;
  return sums(counted, "/latency/retransmissions");
}

json::object merged_latency(const Runs& runs) {
  json::object latency{{"loop", common(runs, "/latency/loop")},
                       {"arrivals", common(runs, "/latency/arrivals")}};
  for (const char* key : {"connect", "echo", "wire", "lateness", "receive_lateness"}) {
    latency[key] = merged_histogram(runs, std::string("/latency/") + key);
  }
  latency["retransmissions"] = merged_retransmissions(runs);
  std::uint64_t censored = 0;
  for (const RunDocument& run : runs)
    censored = run.sum(censored, run.count("/latency/censored"), "/latency/censored");
  latency["censored"] = censored;
  latency["error_bound"] = echo::Histogram::error_bound();
  return latency;
}

/// Each objective of any run, judged again on all echoes together.
json::array merged_objectives(const Runs& runs, const echo::Histogram& latency) {
  std::vector<std::string> texts;
  for (const RunDocument& run : runs) {
    for (std::size_t i = 0; i < run.array("/objectives").size(); ++i) {
      std::string text = run.text(fmt::format("/objectives/{}/text", i));
      if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
    }
  }
  json::array objectives;
  for (const std::string& text : texts) {
    for (const Judgement& each : Objective::parse(text).judge(latency)) {
      objectives.push_back(json::object{{"text", text_of(each.term)},
                                        {"verdict", name_of(each.verdict)},
                                        {"value_ns", echo::to_json(each.ns)}});
    }
  }
  return objectives;
}

/// The rows of the ranks, and the verdict on all of them together.
void add_ranks(json::object& merged, const Runs& runs, const std::vector<MissingRank>& missing) {
  const int code = code_of_ranks(runs, RunDocument("merged", merged), missing.empty());
  set_exit_code(merged, code);
  merged["ranks"] = rows_of(runs);
  merged["missing"] = to_json(missing);
  json::array warnings = warnings_of_ranks(runs, missing);
  for (const json::value& each : merged["warnings"].as_array()) warnings.push_back(each);
  merged["warnings"] = warnings;
}

}  // namespace

json::value merge(const Runs& runs, const std::vector<MissingRank>& told) {
  if (runs.empty()) throw echo::Exit(echo::exit_usage, "merge: no files");
  for (const RunDocument& run : runs) validate(run);
  refuse_the_same_twice(runs);
  const bool fleet = are_ranks(runs);
  if (!fleet && !told.empty())
    throw echo::Exit(echo::exit_usage, "--missing: these documents are of no fleet");
  const json::value mode = common(runs, "/mode");
  json::object latency = merged_latency(runs);
  echo::Histogram echoes;
  std::uint64_t sources = 0;
  json::array argv{"client", "merge"};
  for (const RunDocument& run : runs) {
    add(echoes, run, "/latency/echo");
    sources = run.sum(sources, run.count("/sources"), "/sources");
    argv.emplace_back(run.name());
  }
  json::object merged{{"schema", echo::schema_name},
                      {"program", "client"},
                      {"status", worst_of(runs).text("/status")},
                      {"exit_code", worst_of(runs).count("/exit_code")},
                      {"argv", argv},
                      {"options", json::object{}},
                      {"labels", common_labels(runs)},
                      {"mode", mode},
                      {"protocol", common_protocol(runs)},
                      {"target", targets_of(runs)},
                      {"sources", sources},
                      {"connections", merged_connections(runs)},
                      {"echoes", merged_echoes(runs)},
                      {"phases", merged_phases(runs)},
                      {"throughput", merged_throughput(runs)},
                      {"latency", latency},
                      {"objectives", merged_objectives(runs, echoes)},
                      {"memory", nullptr},
                      {"cpu", nullptr},
                      {"kernel", nullptr},
                      {"checks", nullptr},
                      {"find_rate", nullptr},
                      {"calibration", nullptr},
                      {"repeats", json::array{}},
                      {"environment", echo::environment()},
                      {"merged_from", origins_of(runs)},
                      {"warnings", warnings_of(runs, fleet)}};
  if (fleet) add_ranks(merged, runs, missing_of(runs, told));
  return merged;
}

}  // namespace client
