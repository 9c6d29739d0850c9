#include "client/report/document_parts.hpp"

#include <boost/json/object.hpp>

#include "client/result/rate.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"

namespace client {

namespace json = boost::json;

namespace {

json::value clock_json(const std::optional<ClockOffset>& clock) {
  if (!clock) return nullptr;
  return json::object{{"offset_ns", clock->offset.count()},
                      {"bound_ns", clock->bound.count()},
                      {"at_ns", clock->at.count()}};
}

json::value moment_json(const std::optional<CommonMoment>& moment) {
  if (!moment) return nullptr;
  return json::object{{"due_ns", moment->due.count()}, {"begun_ns", moment->begun.count()}};
}

}  // namespace

std::string_view status_of(int code) {
  if (code == echo::exit_pass) return "pass";
  return code >= echo::exit_signal ? "interrupted" : "fail";
}

json::value rate_or_null(const std::optional<double>& value) {
  return value ? rate_json(*value) : json::value(nullptr);
}

json::value found_json(const Result& result) {
  if (!result.found) return nullptr;
  const FoundRate& found = *result.found;
  const auto answer = [&found](double value) {
    return found.has_answer() ? rate_json(value) : json::value(nullptr);
  };
  json::array trials;
  for (const Trial& trial : found.trials) {
    trials.push_back(json::object{{"rate", rate_json(trial.rate)},
                                  {"verdict", name_of(trial.verdict)},
                                  {"sent", trial.sent},
                                  {"unsent", trial.unsent},
                                  {"failed", trial.failed}});
  }
  json::array objective;
  for (const Term& term : result.options.find_rate->terms()) objective.emplace_back(text_of(term));
  return json::object{{"objective", objective},
                      {"end", name_of(found.end)},
                      {"rate", answer(found.answer.best)},
                      {"low", answer(found.answer.low)},
                      {"high", answer(found.answer.high)},
                      {"passes_at", rate_or_null(found.answer.passes_at)},
                      {"fails_at", rate_or_null(found.answer.fails_at)},
                      {"below", echo::to_json(found.below)},
                      {"above", echo::to_json(found.above)},
                      {"closed_loop", rate_json(found.closed_loop)},
                      {"trial_ns", found.trial_time.count()},
                      {"client_was_late", found.client_was_late},
                      {"trials", trials}};
}

json::value calibration_json(const std::vector<Calibrated>& lines) {
  if (lines.empty()) return nullptr;
  json::array all;
  for (const Calibrated& line : lines) {
    all.push_back(json::object{{"what", line.what},
                               {"connections", line.connections},
                               {"per_second", rate_json(line.per_second)},
                               {"client_ns_per_echo", echo::to_json(line.client_ns)},
                               {"server_ns_per_echo", echo::to_json(line.server_ns)},
                               {"lateness_p50_ns", echo::to_json(line.lateness_p50)},
                               {"lateness_p99_ns", echo::to_json(line.lateness_p99)},
                               {"client_rss", echo::to_json(line.resident)}});
  }
  return all;
}

json::array rounds_json(const std::vector<RoundFigures>& rounds) {
  json::array all;
  for (const RoundFigures& round : rounds) {
    all.push_back(json::object{{"served", round.served},
                               {"failed", round.failed},
                               {"echoes_per_s", rate_json(round.echoes_per_s)},
                               {"server_rss", echo::to_json(round.server_rss)},
                               {"time_wait", echo::to_json(round.time_wait)}});
  }
  return all;
}

json::value rank_json(const std::optional<Rank>& rank) {
  if (!rank) return nullptr;
  return json::object{{"rank", rank->share.rank},
                      {"ranks", rank->share.ranks},
                      {"host", rank->host},
                      {"clock_before", clock_json(rank->clock_before)},
                      {"clock_after", clock_json(rank->clock_after)},
                      {"start", moment_json(rank->start)},
                      {"traffic", moment_json(rank->traffic)}};
}

}  // namespace client
