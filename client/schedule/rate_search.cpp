#include "client/schedule/rate_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace client {
namespace {

constexpr double step = 0.005;  ///< of a cell: half a per cent
/// Belief outside the allowed rates, so that "none holds" and "all hold" can be believed too.
constexpr double margin = 0.5;
/// How wide the zone is in which a trial may go either way, as a share of the rate. Which of them
/// fits is learnt with the edge itself: a quiet machine ends early, a noisy one gets more trials.
constexpr std::array widths{0.005, 0.02, 0.06};
/// A trial far below the edge misses by a hiccup; one far above it holds by chance, more rarely.
/// The more of both is granted, the sooner a search follows a machine that changes under it.
constexpr double hiccup = 0.10;
constexpr double luck = 0.05;
/// What holds an objective lies below what a closed loop reaches.
constexpr double usual_share = 0.8;
constexpr double usual_spread = 0.3;
/// So many trials at least: two lucky ones may look like certainty.
constexpr unsigned fewest_trials = 6;
constexpr double tail = 0.05;

double chance_to_hold(double log_rate, double log_edge, double width) {
  const double far = std::clamp((log_rate - log_edge) / width, -50.0, 50.0);
  return luck + (1 - hiccup - luck) / (1 + std::exp(far));
}

}  // namespace

RateSearch::RateSearch(const Plan& plan) : plan_(plan) {
  const bool sound = plan.lowest > 0 && plan.highest >= plan.lowest && plan.estimate > 0 &&
                     std::isfinite(plan.highest) && std::isfinite(plan.estimate);
  if (!sound) {
    throw std::invalid_argument(fmt::format("no search for a rate from {:g} to {:g} around {:g}",
                                            plan.lowest, plan.highest, plan.estimate));
  }
  floor_ = std::log(plan.lowest) - margin;
  const double range = std::log(plan.highest) + margin - floor_;
  cells_ = static_cast<std::size_t>(range / step) + 1;
  // Tails as heavy as Cauchy's: an estimate that is far off is given up after a few trials.
  const double usual = std::log(plan.estimate * usual_share);
  belief_.resize(cells_ * widths.size());
  for (std::size_t i = 0; i < belief_.size(); ++i) {
    const double off = (std::log(edge(i % cells_)) - usual) / usual_spread;
    belief_[i] = 1 / (1 + off * off);
  }
}

double RateSearch::edge(std::size_t cell) const {
  return std::exp(floor_ + step * static_cast<double>(cell));
}

double RateSearch::quantile(double share) const {
  std::vector<double> sums(cells_);
  for (std::size_t i = 0; i < belief_.size(); ++i) sums[i % cells_] += belief_[i];
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
  if (trials_ >= fewest_trials && (narrow || all_outside)) return std::nullopt;
  return std::clamp(quantile(0.5), plan_.lowest, plan_.highest);
}

void RateSearch::tell(double rate, bool held) {
  ++trials_;
  const auto at = std::lower_bound(tried_.begin(), tried_.end(), rate,
                                   [](const Tried& tried, double r) { return tried.rate < r; });
  const auto tried = at != tried_.end() && at->rate == rate ? at : tried_.insert(at, {rate, 0, 0});
  ++(held ? tried->held : tried->missed);

  const double log_rate = std::log(rate);
  double total = 0;
  for (std::size_t i = 0; i < belief_.size(); ++i) {
    const double log_edge = floor_ + step * static_cast<double>(i % cells_);
    const double chance = chance_to_hold(log_rate, log_edge, widths[i / cells_]);
    belief_[i] *= held ? chance : 1 - chance;
    total += belief_[i];
  }
  for (double& each : belief_) each /= total;
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
