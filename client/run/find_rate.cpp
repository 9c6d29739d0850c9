#include "client/run/find_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "client/engine/loop_group.hpp"
#include "client/run/shares.hpp"
#include "client/run/watch.hpp"

namespace client {
namespace {

constexpr std::chrono::seconds estimate_time{1};
constexpr std::chrono::milliseconds trial_warm_up{200};
constexpr std::chrono::milliseconds least_trial{1'500};
constexpr std::chrono::seconds longest_trial{10};
/// An objective needs ten samples above its percentile. Five times as many reduce the effect of
/// chance.
constexpr double samples_wanted = 5;

/// The sum of the trials with one rate and one verdict.
using TrialsAt = std::map<std::pair<double, Verdict>, Tally>;

/// Moves the measurements out of the loops and returns their sum.
Tally take_measured(LoopGroup& group) {
  Tally taken;
  for (unsigned i = 0; i < group.size(); ++i) {
    Tally& tally = group.loop(i).tally();
    taken.measured += std::exchange(tally.measured, Echoes{});
    taken.wire += std::exchange(tally.wire, echo::Histogram{});
    taken.lateness += std::exchange(tally.lateness, echo::Histogram{});
    taken.echoes_within += std::exchange(tally.echoes_within, 0);
    taken.bytes_within += std::exchange(tally.bytes_within, 0);
    taken.waits_within += std::exchange(tally.waits_within, 0);
  }
  return taken;
}

std::uint64_t failed(LoopGroup& group) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < group.size(); ++i) sum += group.loop(i).tally().failed();
  return sum;
}

/// Runs traffic at `rate` (0: closed loop) for `time` and returns its measurements.
Tally measure(LoopGroup& group, Watch& watch, double rate, Nanoseconds time, bool poisson,
              std::uint64_t seed) {
  Traffic traffic;
  traffic.start = now() + std::chrono::microseconds{200};
  traffic.measure_from = traffic.start + trial_warm_up;
  traffic.stop_at = traffic.measure_from + time;
  const std::vector<std::optional<Pace>> paces = paces_of(group, rate, poisson, seed, Share{});
  watch.run(group, [&](Loop& loop, unsigned number) {
    Traffic mine = traffic;
    mine.pace = paces[number];
    loop.exchange(mine);
  });
  return take_measured(group);
}

/// Whether the client's own delay may be the reason for a missed objective: its p99, or the largest
/// where there are too few samples for one.
bool client_was_late(const Tally& tally, const Objective& objective) {
  const auto lateness = tally.lateness.percentile(99);
  const auto& terms = objective.terms();
  const auto tightest = std::min_element(
      terms.begin(), terms.end(), [](const Term& a, const Term& b) { return a.bound < b.bound; });
  const std::uint64_t worst = lateness                     ? lateness->ns
                              : tally.lateness.count() > 0 ? tally.lateness.max()
                                                           : 0;
  return worst > static_cast<std::uint64_t>(tightest->bound.count()) / 4;
}

/// Runs trials until the search is done or the loops have stopped.
void run_trials(LoopGroup& group, Watch& watch, const Objective& objective, bool poisson,
                std::uint64_t seed, RateSearch& search, FoundRate& found, TrialsAt& by_rate) {
  std::map<std::pair<double, Verdict>, Nanoseconds> time_at;
  unsigned doubled = 0;
  while (const auto rate = search.next()) {
    const double seconds = samples_wanted * static_cast<double>(found.samples_needed) / *rate;
    const Nanoseconds time = std::clamp<Nanoseconds>(
        Nanoseconds(static_cast<std::int64_t>(seconds * 1e9)) * (1U << doubled), least_trial,
        longest_trial);
    found.trial_time = std::max(found.trial_time, time);
    watch.show_message(
        fmt::format("find-rate: trial {} at {:.0f}/s", found.trials.size() + 1, *rate));
    const std::uint64_t failed_before = failed(group);
    const Tally tally = measure(group, watch, *rate, time, poisson, seed + found.trials.size() + 1);
    Trial trial{*rate, verdict_of(objective.judge(tally.measured.latency)), tally.measured.sent,
                tally.measured.unsent, failed(group) - failed_before};
    if (trial.failed > 0) trial.verdict = Verdict::missed;
    // Kept apart by verdict: at one rate near the limit some trials hold and some miss.
    const auto key = std::pair{*rate, trial.verdict};
    by_rate[key] += tally;
    time_at[key] += time;
    if (group.stop_reason() != StopReason::none) return;
    found.trials.push_back(trial);
    // After an unproven trial the next one is longer. The longest has enough samples: it counts as
    // not held.
    if (trial.verdict == Verdict::unproven && time < longest_trial) {
      ++doubled;
      continue;
    }
    doubled = 0;
    const bool held = trial.verdict == Verdict::held;
    if (!held && client_was_late(tally, objective)) found.client_was_late = true;
    search.record(*rate, held);
  }
  found.answer = search.answer();
  switch (found.answer.end) {
    case RateSearch::End::found:
      found.end = SearchEnd::found;
      break;
    case RateSearch::End::ceiling:
      found.end = SearchEnd::ceiling;
      break;
    case RateSearch::End::none_holds:
      found.end = SearchEnd::none_holds;
  }
  if (found.answer.passes_at)
    found.measured_time = time_at[{*found.answer.passes_at, Verdict::held}];
}

}  // namespace

FoundRate find_rate(LoopGroup& group, Watch& watch, const Objective& objective, bool poisson,
                    std::uint64_t seed) {
  FoundRate found;
  found.trial_time = least_trial;
  found.samples_needed = objective.samples_needed();
  watch.show_message("find-rate: closed loop for a first estimate");
  TrialsAt by_rate;
  const Tally first = measure(group, watch, 0, estimate_time, false, seed);
  by_rate[{0, Verdict::unproven}] = first;
  const auto needed = static_cast<double>(found.samples_needed);
  const auto longest = std::chrono::duration<double>(longest_trial).count();
  found.closed_loop = static_cast<double>(first.echoes_within) /
                      std::chrono::duration<double>(estimate_time).count();
  const bool could_prove = found.closed_loop * longest >= needed;
  if (group.stop_reason() == StopReason::none && !could_prove) found.end = SearchEnd::unproven;
  if (group.stop_reason() == StopReason::none && could_prove) {
    RateSearch search{{.estimate = found.closed_loop,
                       .lowest = std::max(found.closed_loop / 1'000, needed / longest),
                       .highest = found.closed_loop * 4}};
    run_trials(group, watch, objective, poisson, seed, search, found, by_rate);
  }
  Tally& kept = group.loop(0).tally();
  if (!kept.warm_up) kept.warm_up.emplace();
  for (const auto& [key, tally] : by_rate) {
    const auto& [rate, verdict] = key;
    const bool tried = rate > 0 && found.end != SearchEnd::cut_short;
    if (tried && found.answer.fails_at == rate && verdict == Verdict::missed)
      found.above = tally.measured.latency;
    if (tried && found.answer.passes_at == rate && verdict == Verdict::held) {
      found.below = tally.measured.latency;
      kept += tally;
    } else {
      *kept.warm_up += tally.measured;
    }
  }
  return found;
}

}  // namespace client
