// The report as a JSON document. Its schema is docs/schema/client.json.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>

#include "client/report/checks_part.hpp"
#include "client/report/document_parts.hpp"
#include "client/report/present.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"

namespace client {
namespace {

namespace json = boost::json;

json::object machine_json(const Costs& costs) {
  return json::object{{"slab", echo::to_json(costs.slab)},
                      {"kernel_stack", echo::to_json(costs.kernel_stack)},
                      {"page_tables", echo::to_json(costs.page_tables)},
                      {"socket", echo::to_json(costs.socket)},
                      {"anon", echo::to_json(costs.anon)},
                      {"total", echo::to_json(costs.total)},
                      {"per_connection", echo::to_json(costs.kernel_per_connection)},
                      {"total_per_connection", echo::to_json(costs.total_per_connection)}};
}

json::object connections_json(const Result& result) {
  const Tally& tally = result.tally;
  json::object failed;
  json::array errors;
  for (const auto& [failure, count] : tally.failures) {
    auto& sum = failed[name_of(failure.outcome)];
    sum = (sum.is_uint64() ? sum.as_uint64() : 0) + count;
    errors.push_back(json::object{{"cause", name_of(failure.outcome)},
                                  {"phase", name_of(failure.phase)},
                                  {"errno", failure.error},
                                  {"count", count}});
  }
  return json::object{{"requested", result.requested},
                      {"established", tally.established},
                      {"served", tally.count(Outcome::served)},
                      {"max_concurrent", result.max_concurrent},
                      {"total", tally.total},
                      {"open_at_end", result.open_at_end},
                      {"slow", tally.slow_connects},
                      {"reconnects", tally.reconnects},
                      {"failed", failed},
                      {"errors", errors}};
}

/// null for a client that was alone.
json::value rank_of_owner(Share share, std::uint64_t connection) {
  if (share.is_whole()) return nullptr;
  return share.rank_of(connection);
}

json::object echoes_json(const Result& result) {
  const auto sum = [&tally = result.tally](std::uint64_t Echoes::*field) {
    return (tally.ramp ? *tally.ramp.*field : 0) + (tally.warm_up ? *tally.warm_up.*field : 0) +
           tally.measured.*field;
  };
  json::value first = nullptr;
  if (const auto& mismatch = result.tally.first_mismatch) {
    json::object owner;
    if (mismatch->mismatch.owner) {
      owner = {{"connection", mismatch->mismatch.owner->connection},
               {"message", mismatch->mismatch.owner->message},
               {"rank", rank_of_owner(result.options.share, mismatch->mismatch.owner->connection)}};
    }
    first = json::object{{"connection", mismatch->connection},
                         {"message", mismatch->message},
                         {"offset", mismatch->mismatch.offset},
                         {"expected", static_cast<unsigned>(mismatch->mismatch.expected)},
                         {"got", static_cast<unsigned>(mismatch->mismatch.got)},
                         {"owner", owner.empty() ? json::value(nullptr) : json::value(owner)}};
  }
  return json::object{{"sent", sum(&Echoes::sent)},
                      {"verified", sum(&Echoes::verified)},
                      {"bytes_verified", sum(&Echoes::bytes_verified)},
                      {"late", sum(&Echoes::late)},
                      {"unsent", sum(&Echoes::unsent)},
                      {"first_mismatch", first}};
}

json::value part_json(const std::optional<Echoes>& echoes, Nanoseconds time) {
  if (!echoes) return nullptr;
  return json::object{{"ns", time.count()},
                      {"sent", echoes->sent},
                      {"verified", echoes->verified},
                      {"echo", echo::to_json(echoes->latency)}};
}

json::object phases_json(const Result& result) {
  const Tally& tally = result.tally;
  const Phases& phases = result.phases;
  return json::object{{"ramp", json::object{{"ns", phases.ramp.count()},
                                            {"echo", tally.ramp ? echo::to_json(tally.ramp->latency)
                                                                : json::value(nullptr)}}},
                      {"warm_up", part_json(tally.warm_up, phases.warm_up)},
                      {"measured", json::object{{"ns", phases.measured.count()},
                                                {"sent", tally.measured.sent},
                                                {"verified", tally.measured.verified},
                                                {"echoes_within", tally.echoes_within},
                                                {"bytes_within", tally.bytes_within},
                                                {"connections_within", tally.connections_within}}},
                      {"idle", json::object{{"ns", phases.idle.count()}}},
                      {"drain", json::object{{"ns", phases.drain.count()}}},
                      {"whole_ns", phases.whole.count()}};
}

json::object throughput_json(const Result& result) {
  return json::object{{"echoes_per_s", rate_or_null(result.throughput.echoes)},
                      {"bytes_per_s", rate_or_null(result.throughput.bytes)},
                      {"connects_per_s", rate_or_null(result.throughput.connects)}};
}

/// null if no connection was looked at.
json::value retransmissions_json(const Retransmissions& again) {
  if (again.connections == 0) return nullptr;
  return json::object{{"segments", again.segments}, {"connections", again.connections}};
}

json::object latency_json(const Result& result) {
  const Tally& tally = result.tally;
  const bool open = result.options.loop() == LoopKind::open;
  return json::object{
      {"loop", name_of(result.options.loop())},
      {"arrivals",
       open ? json::value(result.options.poisson ? "poisson" : "uniform") : json::value(nullptr)},
      {"connect", echo::to_json(tally.connect)},
      {"echo", echo::to_json(tally.measured.latency)},
      {"wire", open ? echo::to_json(tally.wire) : json::value(nullptr)},
      {"lateness", open ? echo::to_json(tally.lateness) : json::value(nullptr)},
      {"receive_lateness", result.options.measures_receive_lateness()
                               ? echo::to_json(tally.receive_lateness)
                               : json::value(nullptr)},
      {"retransmissions", retransmissions_json(tally.retransmissions)},
      {"censored", tally.measured.latency.censored()},
      {"error_bound", echo::Histogram::error_bound()}};
}

json::array objectives_json(const std::vector<Judgement>& judgements) {
  json::array all;
  for (const Judgement& judgement : judgements) {
    all.push_back(json::object{{"text", text_of(judgement.term)},
                               {"verdict", name_of(judgement.verdict)},
                               {"value_ns", echo::to_json(judgement.ns)}});
  }
  return all;
}

/// A share or a mean, rounded to four decimal places.
json::value number(const std::optional<double>& value) {
  if (!value) return nullptr;
  return std::round(*value * 1e4) / 1e4;
}

json::object cpu_json(const Costs& costs, const Absences& away) {
  return json::object{{"total_ns_per_echo", echo::to_json(costs.total_per_echo)},
                      {"client_ns_per_echo", echo::to_json(costs.client_per_echo)},
                      {"server_ns_per_echo", echo::to_json(costs.server_per_echo)},
                      {"softirq_ns_per_echo", echo::to_json(costs.softirq_per_echo)},
                      {"unattributed_ns_per_echo", echo::to_json(costs.unattributed_per_echo)},
                      {"busy_ns_per_echo", echo::to_json(costs.busy_per_echo)},
                      {"client_busiest_thread", number(costs.client_busiest_thread)},
                      {"server_busiest_thread", number(costs.server_busiest_thread)},
                      {"client_utilisation", number(costs.client_utilisation)},
                      {"server_utilisation", number(costs.server_utilisation)},
                      {"client_away", json::object{{"count", away.count},
                                                   {"ns", away.sum.count()},
                                                   {"longest_ns", away.longest.count()}}},
                      {"client_switches_per_echo", number(costs.client_switches_per_echo)},
                      {"server_switches_per_echo", number(costs.server_switches_per_echo)},
                      {"machine_switches_per_echo", number(costs.machine_switches_per_echo)},
                      {"client_throttled_ns", echo::to_json(costs.client_throttled)},
                      {"server_throttled_ns", echo::to_json(costs.server_throttled)},
                      {"others", number(costs.others)},
                      {"steal", number(costs.steal)}};
}

json::object kernel_json(const Costs& costs, const Tally& tally) {
  return json::object{{"listen_overflows", echo::to_json(costs.listen_overflows)},
                      {"listen_drops", echo::to_json(costs.listen_drops)},
                      {"retransmitted_segments", echo::to_json(costs.retransmitted_segments)},
                      {"syn_cookies_sent", echo::to_json(costs.syn_cookies_sent)},
                      {"syn_retransmits", echo::to_json(costs.syn_retransmits)},
                      {"time_wait", echo::to_json(costs.time_wait)},
                      {"time_wait_recycled", echo::to_json(costs.time_wait_recycled)},
                      {"time_wait_overflow", echo::to_json(costs.time_wait_overflow)},
                      {"listener_drops", echo::to_json(costs.listener_drops)},
                      {"other_connections", echo::to_json(costs.other_connections)},
                      {"epoll_waits", tally.waits_within}};
}

}  // namespace

json::value json_of(const Result& result, int code) {
  const Costs& costs = result.costs;
  json::array argv{"client"};
  for (const std::string& argument : result.arguments) argv.emplace_back(argument);
  json::array warnings;
  for (const std::string& warning : result.warnings) warnings.emplace_back(warning);
  json::object labels;
  for (const auto& [key, value] : result.options.labels) labels[key] = value;
  json::value server = nullptr;
  const Sample& end = result.moments.end;
  if (end.server) server = echo::to_json(*end.server, costs.server_resident);
  return json::object{
      {"schema", echo::schema_name},
      {"program", "client"},
      {"status", status_of(code)},
      {"exit_code", code},
      {"argv", argv},
      {"options", result.shown_options},
      {"labels", labels},
      {"mode", name_of(result.options.mode)},
      {"protocol", name_of(result.options.protocol())},
      {"target", target_text(result)},
      {"sources", result.sources},
      {"connections", connections_json(result)},
      {"echoes", echoes_json(result)},
      {"phases", phases_json(result)},
      {"throughput", throughput_json(result)},
      {"latency", latency_json(result)},
      {"objectives", objectives_json(result.judgements)},
      {"memory", json::object{{"client", echo::to_json(end.client, costs.client_resident)},
                              {"server", server},
                              {"machine", machine_json(costs)}}},
      {"cpu", cpu_json(costs, result.away)},
      {"kernel", kernel_json(costs, result.tally)},
      {"checks", checks_json(result.checks)},
      {"find_rate", found_json(result)},
      {"calibration", calibration_json(result.calibration)},
      {"repeats", rounds_json(result.rounds)},
      {"rank", rank_json(result.rank)},
      {"environment", echo::environment()},
      {"warnings", warnings}};
}

}  // namespace client
