// Spearman's rank correlation: whether one figure tends to be large where the other is. Pure.
//
// It is the correlation of the ranks, so an outlier has no more weight than any other value. Equal
// values have the mean of their ranks. https://doi.org/10.2307/1412159 (Spearman, 1904).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace client {

struct RankCorrelation {
  std::size_t pairs = 0;
  double rho = 0;  ///< -1 to 1
  double p = 1;    ///< chance of a |rho| at least this large if the two are independent
};

/// nullopt: fewer than three pairs, or all values of one side are equal. Sorts: O(n log n).
std::optional<RankCorrelation> rank_correlation(
    std::span<const std::pair<std::uint32_t, std::uint32_t>> pairs);

/// The share of independent values that `n` values are worth, if each correlates with the one
/// before by `rho` and otherwise only through it (an AR(1) process): (1 - rho) / (1 + rho).
double effective_share(double rho);

}  // namespace client
