#include "client/findings/checks.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "client/statistics/anderson_darling.hpp"
#include "client/statistics/dickey_fuller.hpp"
#include "client/statistics/spearman.hpp"

namespace client {
namespace {

double seconds_of(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// Messages were due by one schedule. In a search for a rate each trial has its own.
bool is_open(const Result& result) {
  return result.options.loop() == LoopKind::open && !result.options.find_rate;
}

std::optional<SendRateCheck> send_rate(const Result& result) {
  const Options& options = result.options;
  const Echoes& measured = result.tally.measured;
  const double time = seconds_of(result.phases.measured);
  const double due = options.rate * time;
  if (!is_open(result) || !options.timed() || due < fewest_due || measured.sent == 0)
    return std::nullopt;
  const auto rounds = static_cast<double>(std::max<std::size_t>(result.rounds.size(), 1));
  // Each loop may begin and end its phase within a gap.
  const double at_the_edges =
      rounds * (static_cast<double>(options.loops()) + options.rate * seconds_of(last_wake_up));
  const double missed = rate_tolerance * due + at_the_edges;
  const double allowed =
      at_the_edges + (options.poisson ? poisson_deviations * std::sqrt(due) : rate_tolerance * due);
  const auto sent = static_cast<double>(measured.sent);
  const bool holds =
      std::abs(sent - due) <= allowed && static_cast<double>(measured.unsent) <= missed;
  return SendRateCheck{options.rate, sent / time, allowed / time, measured.unsent, holds};
}

SendGapsCheck poisson_gaps(const Samples& loop, double chance) {
  std::vector<double> gaps;
  gaps.reserve(loop.send_gaps.size());
  for (const std::uint32_t gap : loop.send_gaps) gaps.push_back(gap * loop.per_second / 1e9);
  constexpr double half_a_nanosecond = 0.5;
  const ExponentialFit fit =
      exponential_fit(std::move(gaps), half_a_nanosecond * loop.per_second / 1e9);
  const double critical = anderson_darling_critical(chance);
  return {true,     fit.samples,  fit.squared,
          critical, fit.distance, fit.squared <= critical || fit.distance <= most_distance};
}

SendGapsCheck uniform_gaps(const Samples& loop) {
  const double asked = 1e9 / loop.per_second;
  const double tolerance = std::max(gap_tolerance * asked,
                                    static_cast<double>(std::chrono::nanoseconds(wake_up).count()));
  const auto off = std::count_if(loop.send_gaps.begin(), loop.send_gaps.end(),
                                 [=](double gap) { return std::abs(gap - asked) > tolerance; });
  const double share = static_cast<double>(off) / static_cast<double>(loop.send_gaps.size());
  return {false, loop.send_gaps.size(), share, most_gaps_off, std::nullopt, share <= most_gaps_off};
}

/// How far the gaps are from fitting; what orders the loops.
double misfit(const SendGapsCheck& check) {
  return check.distance.value_or(check.statistic);
}

/// Of the loop whose gaps fit least: the sum would hide one that sends in bursts.
std::optional<SendGapsCheck> send_gaps(const Result& result) {
  if (!is_open(result)) return std::nullopt;
  const double chance = chance_of_a_false_alarm /
                        static_cast<double>(std::max<std::size_t>(result.samples.size(), 1));
  std::optional<SendGapsCheck> worst;
  for (const Samples& loop : result.samples) {
    if (loop.send_gaps.size() < fewest_gaps || loop.per_second < slowest_loop) continue;
    const SendGapsCheck check =
        result.options.poisson ? poisson_gaps(loop, chance) : uniform_gaps(loop);
    const bool worse = !worst || (worst->holds && !check.holds) ||
                       (worst->holds == check.holds && misfit(check) > misfit(*worst));
    if (worse) worst = check;
  }
  return worst;
}

/// Of a closed loop nothing is computed: what sends the next message is the last echo.
std::optional<IndependenceCheck> independence(const Result& result) {
  if (!is_open(result)) return std::nullopt;
  const double chance = chance_of_a_false_alarm /
                        static_cast<double>(std::max<std::size_t>(result.samples.size(), 1));
  std::optional<IndependenceCheck> worst;
  for (const Samples& loop : result.samples) {
    if (loop.latencies.size() < fewest_pairs) continue;
    const auto found = rank_correlation(loop.latencies);
    if (!found || (worst && std::abs(found->rho) <= std::abs(worst->rho))) continue;
    const bool depends = found->p < chance && std::abs(found->rho) >= much_dependence;
    worst = IndependenceCheck{found->pairs, found->rho, !depends};
  }
  return worst;
}

/// The logarithm of the mean latency of each interval in which an echo came. So an interval of ten
/// times the latency does not hide a drift of a tenth.
std::vector<double> series_of(const std::vector<Samples>& loops) {
  std::vector<IntervalSum> sums;
  for (const Samples& loop : loops) {
    sums.resize(std::max(sums.size(), loop.intervals.size()));
    for (std::size_t i = 0; i < loop.intervals.size(); ++i) {
      sums[i].count += loop.intervals[i].count;
      sums[i].sum += loop.intervals[i].sum;
    }
  }
  std::vector<double> series;
  for (const IntervalSum& interval : sums) {
    if (interval.count == 0 || interval.sum == 0) continue;
    series.push_back(
        std::log(static_cast<double>(interval.sum) / static_cast<double>(interval.count)));
  }
  return series;
}

/// How much more the fifth with the largest mean has than that with the least.
double drift_of(const std::vector<double>& series) {
  constexpr std::size_t parts = 5;
  double least = 0;
  double most = 0;
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t begin = series.size() * part / parts;
    const std::size_t end = series.size() * (part + 1) / parts;
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) sum += series[i];
    const double mean = sum / static_cast<double>(end - begin);
    least = part == 0 ? mean : std::min(least, mean);
    most = part == 0 ? mean : std::max(most, mean);
  }
  return std::expm1(most - least);
}

std::optional<StationarityCheck> stationarity(const Result& result) {
  const std::vector<double> series = series_of(result.samples);
  if (series.size() < fewest_intervals) return std::nullopt;
  const std::optional<UnitRoot> found = unit_root(series);
  if (!found) return std::nullopt;
  const double critical = unit_root_critical(Level::five_percent, found->observations);
  const double drift = drift_of(series);
  return StationarityCheck{series.size(), found->statistic, critical, drift,
                           found->statistic <= critical || drift < much_drift};
}

}  // namespace

Checks checks_of(const Result& result) {
  return {.send_rate = send_rate(result),
          .send_gaps = send_gaps(result),
          .independence = independence(result),
          .stationarity = stationarity(result)};
}

}  // namespace client
