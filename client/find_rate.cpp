#include "client/find_rate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "client/crew.hpp"
#include "client/round.hpp"
#include "client/watch.hpp"

namespace client {
namespace {

constexpr std::chrono::seconds first_look{1};
constexpr std::chrono::milliseconds trial_warm_up{200};
constexpr std::chrono::milliseconds least_trial{1'500};
constexpr std::chrono::seconds longest_trial{10};
/// An objective needs ten samples above its percentile; more, so that chance has less of a say.
constexpr double samples_wanted = 5;

/// Takes what the loops have measured, and leaves them with nothing measured.
Tally take_measured(Crew& crew) {
  Tally taken;
  for (unsigned i = 0; i < crew.size(); ++i) {
    Tally& tally = crew.loop(i).tally();
    taken.measured += std::exchange(tally.measured, Echoes{});
    taken.wire += std::exchange(tally.wire, echo::Histogram{});
    taken.lateness += std::exchange(tally.lateness, echo::Histogram{});
    taken.echoes_within += std::exchange(tally.echoes_within, 0);
    taken.bytes_within += std::exchange(tally.bytes_within, 0);
    taken.waits_within += std::exchange(tally.waits_within, 0);
  }
  return taken;
}

std::uint64_t failed(Crew& crew) {
  std::uint64_t sum = 0;
  for (unsigned i = 0; i < crew.size(); ++i) sum += crew.loop(i).tally().failed();
  return sum;
}

/// One stretch of traffic at `rate` (0: closed loop) for `time`, and what it measured.
Tally stretch(Crew& crew, Watch& watch, double rate, Nanoseconds time, bool poisson,
              std::uint64_t seed) {
  Traffic traffic;
  traffic.start = now() + std::chrono::microseconds{200};
  traffic.measure_from = traffic.start + trial_warm_up;
  traffic.stop_at = traffic.measure_from + time;
  std::vector<std::optional<Pace>> paces(crew.size());
  for (unsigned i = 0; i < crew.size() && rate > 0; ++i)
    paces[i] = pace_of(crew, i, rate, poisson, seed);
  watch.run(crew, [&](Loop& loop, unsigned number) {
    Traffic mine = traffic;
    mine.pace = paces[number];
    loop.exchange(mine);
  });
  return take_measured(crew);
}

/// Whether the client's own delay could have made the difference.
bool client_was_late(const Tally& tally, const Objective& objective) {
  const auto lateness = tally.lateness.percentile(99);
  const auto& terms = objective.terms();
  const auto tightest = std::min_element(
      terms.begin(), terms.end(), [](const Term& a, const Term& b) { return a.bound < b.bound; });
  return lateness && lateness->ns > static_cast<std::uint64_t>(tightest->bound.count()) / 4;
}

}  // namespace

FoundRate find_rate(Crew& crew, Watch& watch, const Objective& objective, bool poisson,
                    std::uint64_t seed) {
  FoundRate found;
  watch.say("find-rate: a closed loop first, for an estimate");
  Echoes others = stretch(crew, watch, 0, first_look, false, seed).measured;
  found.closed_loop =
      static_cast<double>(others.verified) / std::chrono::duration<double>(first_look).count();
  found.trial_time = least_trial;
  if (others.verified == 0) {
    crew.loop(0).tally().warm_up.emplace() += others;
    found.answer.end = RateSearch::End::none_holds;
    return found;
  }
  RateSearch search{{.estimate = found.closed_loop,
                     .lowest = std::max(1.0, found.closed_loop / 1'000),
                     .highest = found.closed_loop * 4}};
  std::map<double, Echoes> by_rate;
  Tally sums;  // over all trials
  Echoes measured;
  unsigned unproven = 0;
  while (const auto rate = search.next()) {
    const double seconds = samples_wanted * static_cast<double>(objective.samples_needed()) / *rate;
    const Nanoseconds time = std::clamp<Nanoseconds>(
        Nanoseconds(static_cast<std::int64_t>(seconds * 1e9)) * (1U << unproven), least_trial,
        longest_trial);
    found.trial_time = std::max(found.trial_time, time);
    watch.say(fmt::format("find-rate: trial {} at {:.0f}/s", found.trials.size() + 1, *rate));
    const std::uint64_t failed_before = failed(crew);
    const Tally tally = stretch(crew, watch, *rate, time, poisson, seed + found.trials.size() + 1);
    Trial trial{*rate, verdict_of(objective.judge(tally.measured.latency)), tally.measured.sent,
                tally.measured.unsent, failed(crew) - failed_before};
    if (trial.failed > 0) trial.verdict = Verdict::missed;
    found.trials.push_back(trial);
    by_rate[*rate] += tally.measured;
    sums.lateness += tally.lateness;
    sums.echoes_within += tally.echoes_within;
    sums.bytes_within += tally.bytes_within;
    sums.waits_within += tally.waits_within;
    if (crew.cut() != Cut::none) break;
    // A trial that proved nothing is made longer, twice; then it has not held.
    if (trial.verdict == Verdict::unproven && unproven < 2 && time < longest_trial) {
      ++unproven;
      continue;
    }
    unproven = 0;
    const bool held = trial.verdict == Verdict::held;
    if (!held && client_was_late(tally, objective)) found.client_was_late = true;
    search.tell(*rate, held);
  }
  found.answer = search.answer();
  for (const auto& [rate, echoes] : by_rate) {
    if (found.answer.fails_at == rate) found.above = echoes.latency;
    if (found.answer.passes_at == rate) {
      found.below = echoes.latency;
      measured = echoes;
    } else {
      others += echoes;
    }
  }
  Tally& keeps = crew.loop(0).tally();
  keeps += sums;
  keeps.measured += measured;
  if (!keeps.warm_up) keeps.warm_up.emplace();
  *keeps.warm_up += others;
  return found;
}

}  // namespace client
