#include "client/statistics/spearman.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace client {
namespace {

/// The rank of each value, less the mean of all ranks; equal values share the mean of theirs.
std::vector<double> centred_ranks(const std::vector<std::uint32_t>& values) {
  std::vector<std::uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(),
            [&values](std::uint32_t a, std::uint32_t b) { return values[a] < values[b]; });
  const double mean = (static_cast<double>(values.size()) - 1) / 2;
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    const double rank = (static_cast<double>(begin) + static_cast<double>(end - 1)) / 2;
    for (; begin < end; ++begin) ranks[order[begin]] = rank - mean;
  }
  return ranks;
}

/// By Student's t, with the normal distribution at the place that Wallace gives for it (1959,
/// Bounds on normal approximations to Student's and the chi-square distributions): within 1 % from
/// ten pairs on. Boost.Math has the distribution itself, and would add 280 KB to the resident
/// memory of each client.
double chance_of(double rho, std::size_t pairs) {
  if (std::abs(rho) >= 1) return 0;
  const double freedom = static_cast<double>(pairs) - 2;
  const double t_squared = freedom * rho * rho / (1 - rho * rho);
  const double z =
      (8 * freedom + 1) / (8 * freedom + 3) * std::sqrt(freedom * std::log1p(t_squared / freedom));
  return std::erfc(z / std::sqrt(2.0));
}

}  // namespace

std::optional<RankCorrelation> rank_correlation(
    std::span<const std::pair<std::uint32_t, std::uint32_t>> pairs) {
  if (pairs.size() < 3) return std::nullopt;
  std::vector<std::uint32_t> first;
  std::vector<std::uint32_t> second;
  first.reserve(pairs.size());
  second.reserve(pairs.size());
  for (const auto& [before, after] : pairs) {
    first.push_back(before);
    second.push_back(after);
  }
  const std::vector<double> a = centred_ranks(first);
  const std::vector<double> b = centred_ranks(second);
  const double squares = std::inner_product(a.begin(), a.end(), a.begin(), 0.0) *
                         std::inner_product(b.begin(), b.end(), b.begin(), 0.0);
  if (squares <= 0) return std::nullopt;
  const double product = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  const double rho = std::clamp(product / std::sqrt(squares), -1.0, 1.0);
  return RankCorrelation{pairs.size(), rho, chance_of(rho, pairs.size())};
}

double effective_share(double rho) {
  return (1 - rho) / (1 + rho);
}

}  // namespace client
