#include "client/statistics/anderson_darling.hpp"

#include <algorithm>
#include <cmath>

namespace client {

ExponentialFit exponential_fit(std::vector<double> gaps, double resolution) {
  if (gaps.empty()) return {};
  for (double& gap : gaps) gap = std::max(gap, resolution);
  std::sort(gaps.begin(), gaps.end());
  const std::size_t samples = gaps.size();
  const auto n = static_cast<double>(samples);
  double sum = 0;
  double distance = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    const auto rank = static_cast<double>(i);
    const double below = -std::expm1(-gaps[i]);       // F, precise near 0
    const double log_above = -gaps[samples - 1 - i];  // log(1 - F) of the mirrored sample
    sum += (2 * rank + 1) * (std::log(below) + log_above);
    distance = std::max({distance, (rank + 1) / n - below, below - rank / n});
  }
  return {samples, -n - sum / n, distance};
}

double anderson_darling_p(double squared) {
  const double z = squared;
  if (z <= 0) return 1;
  if (z < 2) {
    const double series =
        2.00012 + (.247105 - (.0649821 - (.0347962 - (.011672 - .00168691 * z) * z) * z) * z) * z;
    return 1 - std::exp(-1.2337141 / z) / std::sqrt(z) * series;
  }
  const double series =
      1.0776 - (2.30695 - (.43424 - (.082433 - (.008056 - .0003146 * z) * z) * z) * z) * z;
  return -std::expm1(-std::exp(series));
}

double anderson_darling_critical(double p) {
  double low = 0;
  double high = 20;  // p below 1e-8
  for (int halvings = 0; halvings < 60; ++halvings) {
    const double middle = (low + high) / 2;
    (anderson_darling_p(middle) > p ? low : high) = middle;
  }
  return high;
}

}  // namespace client
