#include "client/statistics/dickey_fuller.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace client {
namespace {

using Column = std::vector<double>;

double dot(const Column& a, const Column& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// A least-squares regression that takes its columns one by one: each is made orthogonal to those
/// before (modified Gram-Schmidt), so what it explains can be subtracted.
class Regression {
 public:
  explicit Regression(Column response) : residual_(std::move(response)) {}

  /// Returns the response's component along the new direction; nullopt if the column depends on
  /// those before.
  std::optional<double> add(Column column) {
    const double before = std::sqrt(dot(column, column));
    for (const Column& direction : directions_) {
      const double along = dot(direction, column);
      for (std::size_t i = 0; i < column.size(); ++i) column[i] -= along * direction[i];
    }
    const double length = std::sqrt(dot(column, column));
    if (length <= before * dependent) return std::nullopt;
    for (double& value : column) value /= length;
    const double along = dot(column, residual_);
    for (std::size_t i = 0; i < column.size(); ++i) residual_[i] -= along * column[i];
    directions_.push_back(std::move(column));
    return along;
  }
  [[nodiscard]] double unexplained() const { return dot(residual_, residual_); }
  [[nodiscard]] std::size_t columns() const { return directions_.size(); }

 private:
  /// A column of which only rounding errors are left.
  static constexpr double dependent = 1e-12;
  Column residual_;
  std::vector<Column> directions_;
};

/// The differences of a series, its level before each, and the differences before.
class Differences {
 public:
  /// Observations from difference `first` on.
  Differences(std::span<const double> series, std::size_t first) : series_(series), first_(first) {}

  [[nodiscard]] std::size_t count() const { return series_.size() - 1 - first_; }
  /// Each difference `back` before; 0: the differences themselves.
  [[nodiscard]] Column lagged(std::size_t back) const {
    Column column;
    for (std::size_t i = first_; i + 1 < series_.size(); ++i)
      column.push_back(series_[i + 1 - back] - series_[i - back]);
    return column;
  }
  [[nodiscard]] Column levels() const {
    return {series_.begin() + static_cast<std::ptrdiff_t>(first_), series_.end() - 1};
  }
  [[nodiscard]] Column constant() const { return Column(count(), 1.0); }

 private:
  std::span<const double> series_;
  std::size_t first_;
};

std::size_t most_lags(std::size_t points) {
  const double schwert = std::ceil(12 * std::pow(static_cast<double>(points) / 100, 0.25));
  return std::min(static_cast<std::size_t>(schwert), points / 2 - 2);
}

/// The number of lags with the least AIC.
std::size_t best_lags(std::span<const double> series) {
  const std::size_t most = most_lags(series.size());
  const Differences part{series, most};
  const auto n = static_cast<double>(part.count());
  Regression regression{part.lagged(0)};
  regression.add(part.constant());
  regression.add(part.levels());
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t lags = 0; lags <= most; ++lags) {
    if (lags > 0 && !regression.add(part.lagged(lags))) break;
    const double aic = n * std::log(std::max(regression.unexplained(), 1e-300) / n) +
                       2 * static_cast<double>(regression.columns());
    if (aic >= least) continue;
    least = aic;
    best = lags;
  }
  return best;
}

}  // namespace

std::optional<UnitRoot> unit_root(std::span<const double> series) {
  if (series.size() < fewest_points_of_a_series) return std::nullopt;
  const auto [least, most] = std::minmax_element(series.begin(), series.end());
  if (*least == *most) return std::nullopt;
  const std::size_t lags = best_lags(series);
  const Differences part{series, lags};
  Regression regression{part.lagged(0)};
  regression.add(part.constant());
  for (std::size_t lag = 1; lag <= lags; ++lag) regression.add(part.lagged(lag));
  const std::optional<double> along = regression.add(part.levels());
  const double freedom = static_cast<double>(part.count() - regression.columns());
  const double error = std::sqrt(regression.unexplained() / freedom);
  if (!along || error <= 0) return std::nullopt;
  // The level is the last direction, so its coefficient and the error of that have one divisor.
  return UnitRoot{lags, part.count(), *along / error};
}

double unit_root_critical(Level level, std::size_t observations) {
  struct Surface {
    double limit, by_n, by_n2, by_n3;
  };
  constexpr Surface surfaces[] = {{-3.43035, -6.5393, -16.786, -79.433},
                                  {-2.86154, -2.8903, -4.234, -40.040},
                                  {-2.56677, -1.5384, -2.809, 0}};
  const Surface& surface = surfaces[static_cast<std::size_t>(level)];
  const double x = 1 / static_cast<double>(observations);
  return surface.limit + x * (surface.by_n + x * (surface.by_n2 + x * surface.by_n3));
}

}  // namespace client
