#include "client/report/ranks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>

#include "client/options/objective.hpp"
#include "client/options/share.hpp"
#include "client/report/document_fields.hpp"
#include "client/result/clock_offset.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

namespace json = boost::json;
using std::chrono::nanoseconds;

/// Later than this after the common time, and the traffic of the ranks did not begin together.
constexpr std::chrono::milliseconds clearly_late_start{10};
/// A wider bound says little about which of two ranks began first.
constexpr std::chrono::milliseconds wide_bound{1};

std::uint64_t number_of(const RunDocument& run) {
  return run.count("/rank/rank");
}

std::string named(const RunDocument& run) {
  return fmt::format("rank {} ({})", number_of(run), run.text("/rank/host"));
}

/// Of a clock; sums and differences of several fit 64 bits.
constexpr std::int64_t most_ns = std::numeric_limits<std::int64_t>::max() / 8;

void require_time(const RunDocument& run, const std::string& pointer) {
  if (run.count(pointer) > static_cast<std::uint64_t>(most_ns)) run.refuse(pointer, "not a time");
}

void check_clock(const RunDocument& run, const std::string& pointer) {
  if (run.at(pointer).is_null()) return;
  require_object(run, pointer);
  const json::value& offset = run.at(pointer + "/offset_ns");
  const bool is_whole = offset.is_int64() && offset.get_int64() >= -most_ns;
  if (!is_whole || offset.get_int64() > most_ns) run.refuse(pointer + "/offset_ns", "not a time");
  require_time(run, pointer + "/bound_ns");
  require_time(run, pointer + "/at_ns");
}

void check_moment(const RunDocument& run, const std::string& pointer) {
  if (run.at(pointer).is_null()) return;
  require_object(run, pointer);
  require_time(run, pointer + "/due_ns");
  require_time(run, pointer + "/begun_ns");
  if (run.count(pointer + "/begun_ns") < run.count(pointer + "/due_ns"))
    run.refuse(pointer + "/begun_ns", "before due_ns");
}

/// Figures that only the report of a fleet shows.
void check_figures(const RunDocument& run) {
  require_count_or_null(run, "/cpu/client_ns_per_echo");
  require_count_or_null(run, "/memory/client/rss");
  if (const std::string owner = "/echoes/first_mismatch/owner"; !run.at(owner).is_null()) {
    require_count(run, owner + "/connection");
    require_count(run, owner + "/message");
  }
  const json::value& busiest = run.at("/cpu/client_busiest_thread");
  if (busiest.is_null()) return;
  const double share = busiest.is_number() ? busiest.to_number<double>() : -1;
  if (!(share >= 0 && share < 1e6)) run.refuse("/cpu/client_busiest_thread", "not a share");
}

/// null if the moment is not known.
json::value late_by(const RunDocument& run, const std::string& moment) {
  if (run.at(moment).is_null()) return nullptr;
  return run.count(moment + "/begun_ns") - run.count(moment + "/due_ns");
}

std::optional<ClockOffset> clock_of(const RunDocument& run, const std::string& pointer) {
  if (run.at(pointer).is_null()) return std::nullopt;
  const auto ns = [&](const char* key) {
    return nanoseconds{run.at(pointer + key).to_number<std::int64_t>()};
  };
  return ClockOffset{ns("/offset_ns"), ns("/bound_ns"), ns("/at_ns")};
}

/// A time on the reference clock.
struct ReferenceTime {
  nanoseconds at{};
  nanoseconds bound{};  ///< of the error
};

/// When its traffic began; nullopt if that is not known. The offset then lay between those that
/// were measured before and after.
std::optional<ReferenceTime> traffic_begun(const RunDocument& run) {
  const std::optional<ClockOffset> before = clock_of(run, "/rank/clock_before");
  if (!before || run.at("/rank/traffic").is_null()) return std::nullopt;
  const ClockOffset after = clock_of(run, "/rank/clock_after").value_or(*before);
  const nanoseconds begun{run.count("/rank/traffic/begun_ns")};
  const ClockOffset then = offset_at(*before, after, begun);
  return ReferenceTime{begun - then.offset, then.bound};
}

json::value to_json(const std::optional<ReferenceTime>& time) {
  if (!time) return nullptr;
  return json::object{{"reference_ns", time->at.count()}, {"bound_ns", time->bound.count()}};
}

/// Ranks that began at another time than the first: they were waited for in vain, or their
/// documents are of another run. How late each was after its own time is another warning.
std::vector<std::string> warnings_of_other_times(const Runs& ranks) {
  std::optional<ReferenceTime> first;
  const RunDocument* whose = nullptr;
  for (const RunDocument& run : ranks) {
    const std::optional<ReferenceTime> begun = traffic_begun(run);
    if (!begun || (first && first->at <= begun->at)) continue;
    first = begun;
    whose = &run;
  }
  std::vector<std::string> warnings;
  for (const RunDocument& run : ranks) {
    const std::optional<ReferenceTime> begun = traffic_begun(run);
    if (!begun) continue;
    const nanoseconds late{late_by(run, "/rank/traffic").to_number<std::int64_t>()};
    const nanoseconds after = begun->at - first->at;
    if (after - late <= clearly_late_start + begun->bound + first->bound) continue;
    warnings.push_back(
        fmt::format("{}: its traffic began {} after that of {}: they were not one load, and rates "
                    "and max_concurrent are sums",
                    named(run), limits::format_duration(after), named(*whose)));
  }
  return warnings;
}

/// null without enough samples, or without the histogram.
json::value percentile_of(const RunDocument& run, const std::string& pointer, double percent) {
  if (run.at(pointer).is_null()) return nullptr;
  const std::optional<echo::Percentile> found = run.histogram(pointer).percentile(percent);
  return found ? json::value(found->ns) : json::value(nullptr);
}

std::uint64_t failed_in(const RunDocument& run) {
  std::uint64_t sum = 0;
  for (const auto& [cause, count] : run.object("/connections/failed"))
    sum = run.sum(sum, run.count("/connections/failed/" + std::string(cause)), "/connections");
  return sum;
}

json::object row_of(const RunDocument& run) {
  return json::object{{"rank", number_of(run)},
                      {"host", run.text("/rank/host")},
                      {"file", run.name()},
                      {"status", run.text("/status")},
                      {"exit_code", run.count("/exit_code")},
                      {"requested", run.count("/connections/requested")},
                      {"established", run.count("/connections/established")},
                      {"served", run.count("/connections/served")},
                      {"failed", failed_in(run)},
                      {"echoes", run.count("/latency/echo/count")},
                      {"p50_ns", percentile_of(run, "/latency/echo", 50)},
                      {"p99_ns", percentile_of(run, "/latency/echo", 99)},
                      {"lateness_p99_ns", percentile_of(run, "/latency/lateness", 99)},
                      {"client_ns_per_echo", run.at("/cpu/client_ns_per_echo")},
                      {"client_busiest_thread", run.at("/cpu/client_busiest_thread")},
                      {"resident", run.at("/memory/client/rss")},
                      {"clock_before", run.at("/rank/clock_before")},
                      {"clock_after", run.at("/rank/clock_after")},
                      {"start_late_ns", late_by(run, "/rank/start")},
                      {"traffic_late_ns", late_by(run, "/rank/traffic")},
                      {"traffic_begun", to_json(traffic_begun(run))}};
}

/// An option of the whole load as a number; `otherwise` where it was not given.
std::uint64_t option_of(const RunDocument& run, const std::string& name, std::uint64_t otherwise) {
  const json::value* given = run.object("/options").if_contains(name);
  if (given == nullptr || !given->is_string()) return otherwise;
  try {
    return limits::parse_count(given->as_string());
  } catch (const std::invalid_argument& error) {
    run.refuse("/options/" + name, error.what());
  }
}

bool holds_objectives(const RunDocument& merged) {
  const json::array& all = merged.array("/objectives");
  return std::all_of(all.begin(), all.end(), [](const json::value& each) {
    return each.at("verdict").as_string() == name_of(Verdict::held);
  });
}

/// The code with which a rank ended early, so that the whole did; nullopt: each ran to its end.
std::optional<int> code_of_an_early_end(const Runs& ranks, bool any_was_established) {
  std::optional<int> found;
  for (const int code : {echo::exit_network, echo::exit_deadline, echo::exit_internal}) {
    // Where only some ranks found no server, the whole has failures.
    if (code == echo::exit_network && any_was_established) continue;
    for (const RunDocument& run : ranks) {
      if (run.count("/exit_code") == static_cast<std::uint64_t>(code)) found = code;
    }
  }
  for (const RunDocument& run : ranks) {
    if (run.count("/exit_code") >= echo::exit_signal)
      found = static_cast<int>(run.count("/exit_code"));
  }
  return found;
}

}  // namespace

MissingRank parse_missing(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.find(": ", equals == std::string_view::npos ? 0 : equals);
  if (equals == std::string_view::npos || colon == std::string_view::npos ||
      colon + 2 >= text.size()) {
    throw std::invalid_argument(
        fmt::format("\"{}\": RANK=HOST: WHY, such as 3=h4: its launcher ended", text));
  }
  return {limits::parse_count(text.substr(0, equals)),
          std::string(text.substr(equals + 1, colon - equals - 1)),
          std::string(text.substr(colon + 2))};
}

void check_rank(const RunDocument& run) {
  if (run.at("/rank").is_null()) return;
  require_object(run, "/rank");
  const std::uint64_t ranks = run.count("/rank/ranks");
  if (ranks == 0 || ranks > most_ranks)
    run.refuse("/rank/ranks", fmt::format("not 1 to {}", most_ranks));
  if (number_of(run) >= ranks) run.refuse("/rank/rank", "not below /rank/ranks");
  if (run.text("/rank/host").empty()) run.refuse("/rank/host", "empty");
  for (const char* clock : {"/rank/clock_before", "/rank/clock_after"}) check_clock(run, clock);
  for (const char* moment : {"/rank/start", "/rank/traffic"}) check_moment(run, moment);
  check_figures(run);
}

bool are_ranks(const Runs& runs) {
  if (runs.front().at("/rank").is_null()) {
    for (const RunDocument& run : runs) {
      if (!run.at("/rank").is_null())
        run.refuse("/rank", "one of several clients, but " + runs.front().name() + " was alone");
    }
    return false;
  }
  const std::uint64_t ranks = runs.front().count("/rank/ranks");
  std::map<std::uint64_t, std::string> seen;
  for (const RunDocument& run : runs) {
    if (run.at("/rank").is_null())
      run.refuse("/rank", "alone, but " + runs.front().name() + " was one of several clients");
    if (run.count("/rank/ranks") != ranks) {
      run.refuse("/rank/ranks", fmt::format("{}, but {} in {}", run.count("/rank/ranks"), ranks,
                                            runs.front().name()));
    }
    const auto [other, is_new] = seen.emplace(number_of(run), run.name());
    if (!is_new) run.refuse("/rank/rank", fmt::format("{}, as in {}", other->first, other->second));
  }
  return true;
}

std::vector<MissingRank> missing_of(const Runs& ranks, const std::vector<MissingRank>& told) {
  std::map<std::uint64_t, MissingRank> missing;
  const std::uint64_t all = ranks.front().count("/rank/ranks");
  for (std::uint64_t rank = 0; rank < all; ++rank) missing[rank] = {rank, "", "no document"};
  for (const RunDocument& run : ranks) missing.erase(number_of(run));
  for (const MissingRank& one : told) {
    if (!missing.contains(one.rank)) {
      throw echo::Exit(echo::exit_usage,
                       fmt::format("--missing: rank {} is {}", one.rank,
                                   one.rank < all ? "there" : "none of the fleet"));
    }
    missing[one.rank] = one;
  }
  std::vector<MissingRank> list;
  for (const auto& [rank, one] : missing) list.push_back(one);
  return list;
}

json::array rows_of(const Runs& ranks) {
  std::map<std::uint64_t, json::object> rows;
  for (const RunDocument& run : ranks) rows[number_of(run)] = row_of(run);
  json::array list;
  for (auto& [rank, row] : rows) list.emplace_back(std::move(row));
  return list;
}

json::array to_json(const std::vector<MissingRank>& missing) {
  json::array list;
  for (const MissingRank& one : missing) {
    list.push_back(
        json::object{{"rank", one.rank},
                     {"host", one.host.empty() ? json::value(nullptr) : json::value(one.host)},
                     {"why", one.why}});
  }
  return list;
}

json::array warnings_of_ranks(const Runs& ranks, const std::vector<MissingRank>& missing) {
  json::array warnings;
  for (const MissingRank& one : missing) {
    const std::string host = one.host.empty() ? "" : fmt::format(" ({})", one.host);
    warnings.emplace_back(fmt::format("rank {}{} is missing: {}: its connections are in no figure",
                                      one.rank, host, one.why));
  }
  for (const RunDocument& run : ranks) {
    if (run.at("/rank/traffic").is_null()) {
      warnings.emplace_back(
          named(run) +
          ": no common start of its traffic: whether its connections stood together with the "
          "others' is not known, and max_concurrent is a sum");
      continue;
    }
    const nanoseconds late{late_by(run, "/rank/traffic").to_number<std::int64_t>()};
    if (late > clearly_late_start) {
      warnings.emplace_back(fmt::format("{}: its traffic began {} after the common time",
                                        named(run), limits::format_duration(late)));
    }
    for (const char* clock : {"/rank/clock_before", "/rank/clock_after"}) {
      if (run.at(clock).is_null()) continue;
      const nanoseconds bound{run.count(std::string(clock) + "/bound_ns")};
      if (bound <= wide_bound) continue;
      warnings.emplace_back(fmt::format("{}: its clock is known to {} only", named(run),
                                        limits::format_duration(bound)));
      break;
    }
  }
  for (const std::string& warning : warnings_of_other_times(ranks)) warnings.emplace_back(warning);
  return warnings;
}

int code_of_ranks(const Runs& ranks, const RunDocument& merged, bool complete) {
  const bool any = merged.count("/connections/established") > 0;
  if (const std::optional<int> code = code_of_an_early_end(ranks, any)) return *code;
  const RunDocument& one = ranks.front();
  const json::object& failed = merged.object("/connections/failed");
  const json::value* lost = failed.if_contains("server_lost");
  const bool lost_its_server = lost != nullptr && lost->to_number<std::uint64_t>() > 0;
  const bool holds =
      complete && !lost_its_server && failed_in(merged) <= option_of(one, "max-errors", 0) &&
      merged.count("/connections/max_concurrent") >= option_of(one, "require-conc", 0) &&
      holds_objectives(merged);
  return holds ? echo::exit_pass : echo::exit_fail;
}

}  // namespace client
