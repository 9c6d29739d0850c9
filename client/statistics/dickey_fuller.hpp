// The augmented Dickey-Fuller test, with a constant and without a trend: whether a series returns
// to a level, or wanders. Pure.
//
// The hypothesis is that it wanders (a unit root). A statistic below the critical value refutes it:
// the series has a level to which it returns. Said and Dickey, Biometrika 71 (1984). The number of
// lagged differences is the one with the least AIC, up to Schwert's 12 (n / 100)^(1/4) (Journal of
// Business & Economic Statistics 7, 1989), all compared over the same observations, as in
// statsmodels. Critical values: MacKinnon, "Critical Values for Cointegration Tests", Queen's
// Economics Department Working Paper 1227 (2010), table 2, one variable, constant.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace client {

struct UnitRoot {
  std::size_t lags = 0;          ///< lagged differences in the regression
  std::size_t observations = 0;  ///< in the regression
  double statistic = 0;          ///< the t-value of the level
};

/// The least number of points that unit_root() needs.
inline constexpr std::size_t fewest_points_of_a_series = 20;

/// nullopt: too few points, or the series is constant. O(n) for a bounded number of lags, which
/// grows with n^(1/4).
std::optional<UnitRoot> unit_root(std::span<const double> series);

enum class Level { one_percent, five_percent, ten_percent };
/// Below it a statistic refutes a unit root at this level.
double unit_root_critical(Level level, std::size_t observations);

}  // namespace client
