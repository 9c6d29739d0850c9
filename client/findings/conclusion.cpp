#include "client/findings/conclusion.hpp"

#include "client/findings/checks.hpp"
#include "client/findings/cost_accounting.hpp"
#include "client/findings/run_warnings.hpp"
#include "client/result/rate.hpp"
#include "echo/exit_code.hpp"

namespace client {
namespace {

Throughput throughput_of(const Result& result) {
  const auto rate = [](std::uint64_t count, Nanoseconds time) -> std::optional<double> {
    if (time.count() <= 0) return std::nullopt;
    return per_second(count, time);
  };
  const Tally& tally = result.tally;
  const Phases& phases = result.phases;
  const bool churn = result.options.mode == Mode::churn;
  return {.echoes = rate(tally.echoes_within, phases.measured),
          .bytes = rate(tally.bytes_within, phases.measured),
          .connects = churn ? rate(tally.connections_within, phases.measured)
                            : rate(tally.established, phases.ramp)};
}

}  // namespace

void conclude(Result& result) {
  result.costs = costs_of(result.moments, result.echoes_between);
  result.throughput = throughput_of(result);
  result.checks = checks_of(result);
  if (result.options.slo)
    result.judgements = result.options.slo->judge(result.tally.measured.latency);
  result.warnings = warnings_of(result);
}

int exit_code_of(const Result& result) {
  const Tally& tally = result.tally;
  const Options& options = result.options;
  if (result.stop_reason == StopReason::interrupted) return echo::exit_signal + result.signal;
  if (result.stop_reason == StopReason::deadline) return echo::exit_deadline;
  const std::uint64_t no_server = tally.count(Outcome::refused) +
                                  tally.count(Outcome::connect_timeout) +
                                  tally.count(Outcome::unreachable);
  if (tally.established == 0 && no_server > 0) return echo::exit_network;
  if (result.stop_reason == StopReason::server_lost || tally.failed() > options.max_errors)
    return echo::exit_fail;
  if (result.max_concurrent < options.require_conc.value_or(0)) return echo::exit_fail;
  if (result.found && !result.found->holds_somewhere()) return echo::exit_fail;
  return verdict_of(result.judgements) == Verdict::held ? echo::exit_pass : echo::exit_fail;
}

}  // namespace client
