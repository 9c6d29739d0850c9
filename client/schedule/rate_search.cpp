#include "client/schedule/rate_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace client {
namespace {

constexpr double cell_width = 0.005;  ///< in log(rate): half a per cent
/// The posterior extends this far, in log(rate), beyond the allowed rates, so that it can express
/// "none holds" and "all hold" too.
constexpr double margin = 0.5;
/// Widths, as a share of the rate, of the zone in which a trial may hold or miss. The posterior
/// estimates the width together with the edge: a search on a quiet machine ends early, one on a
/// noisy machine gets more trials.
constexpr std::array widths{0.005, 0.02, 0.06};
/// Probability that a trial far below the edge misses (a hiccup), and that one far above it holds.
/// Larger values make the search follow a changing machine sooner.
constexpr double false_miss = 0.10;
constexpr double false_hold = 0.05;
/// Prior: the edge, as a share of the estimate, and its spread in log(rate). A rate that holds an
/// objective is below the rate of a closed loop.
constexpr double prior_share = 0.8;
constexpr double prior_spread = 0.3;
/// Least number of trials: after two, the interval may be narrow by chance.
constexpr unsigned least_trials = 6;
constexpr double tail = 0.05;  ///< probability outside the interval, at each end

double chance_to_hold(double log_rate, double log_edge, double width) {
  const double distance = std::clamp((log_rate - log_edge) / width, -50.0, 50.0);
  return false_hold + (1 - false_miss - false_hold) / (1 + std::exp(distance));
}

}  // namespace

RateSearch::RateSearch(const Plan& plan) : plan_(plan) {
  const bool sound = plan.lowest > 0 && plan.highest >= plan.lowest && plan.estimate > 0 &&
                     std::isfinite(plan.highest) && std::isfinite(plan.estimate);
  if (!sound) {
    throw std::invalid_argument(
        fmt::format("invalid rate search: rates from {:g} to {:g}, estimate {:g}", plan.lowest,
                    plan.highest, plan.estimate));
  }
  floor_ = std::log(plan.lowest) - margin;
  const double range = std::log(plan.highest) + margin - floor_;
  cells_ = static_cast<std::size_t>(range / cell_width) + 1;
  // A prior with tails as heavy as Cauchy's: a few trials outweigh an estimate that is far off.
  const double center = std::log(plan.estimate * prior_share);
  posterior_.resize(cells_ * widths.size());
  for (std::size_t i = 0; i < posterior_.size(); ++i) {
    const double off = (std::log(edge(i % cells_)) - center) / prior_spread;
    posterior_[i] = 1 / (1 + off * off);
  }
}

double RateSearch::edge(std::size_t cell) const {
  return std::exp(floor_ + cell_width * static_cast<double>(cell));
}

double RateSearch::quantile(double share) const {
  std::vector<double> sums(cells_);
  for (std::size_t i = 0; i < posterior_.size(); ++i) sums[i % cells_] += posterior_[i];
  std::partial_sum(sums.begin(), sums.end(), sums.begin());
  const auto at = std::lower_bound(sums.begin(), sums.end(), share * sums.back());
  return edge(static_cast<std::size_t>(at - sums.begin()));
}

std::optional<double> RateSearch::next() const {
  if (trials_ >= plan_.trials) return std::nullopt;
  const double low = quantile(tail);
  const double high = quantile(1 - tail);
  const bool all_outside = high < plan_.lowest || low > plan_.highest;
  const bool narrow = high <= low * plan_.precision;
  if (trials_ >= least_trials && (narrow || all_outside)) return std::nullopt;
  return std::clamp(quantile(0.5), plan_.lowest, plan_.highest);
}

void RateSearch::record(double rate, bool held) {
  ++trials_;
  const auto at = std::lower_bound(tried_.begin(), tried_.end(), rate,
                                   [](const Tried& tried, double r) { return tried.rate < r; });
  const auto tried = at != tried_.end() && at->rate == rate ? at : tried_.insert(at, {rate, 0, 0});
  ++(held ? tried->held : tried->missed);

  const double log_rate = std::log(rate);
  double total = 0;
  for (std::size_t i = 0; i < posterior_.size(); ++i) {
    const double log_edge = floor_ + cell_width * static_cast<double>(i % cells_);
    const double chance = chance_to_hold(log_rate, log_edge, widths[i / cells_]);
    posterior_[i] *= held ? chance : 1 - chance;
    total += posterior_[i];
  }
  for (double& each : posterior_) each /= total;
}

RateSearch::Answer RateSearch::answer() const {
  Answer answer;
  const double median = quantile(0.5);
  if (median < plan_.lowest) answer.end = End::none_holds;
  if (median > plan_.highest) answer.end = End::ceiling;
  const auto allowed = [this](double rate) {
    return std::clamp(rate, plan_.lowest, plan_.highest);
  };
  answer.best = allowed(median);
  answer.low = allowed(quantile(tail));
  answer.high = allowed(quantile(1 - tail));
  answer.trials = trials_;
  for (const Tried& tried : tried_) {
    const bool mostly_held = tried.held >= tried.missed;
    if (mostly_held && tried.rate <= answer.best) answer.passes_at = tried.rate;
    if (!mostly_held && tried.rate > answer.best && !answer.fails_at) answer.fails_at = tried.rate;
  }
  return answer;
}

}  // namespace client
