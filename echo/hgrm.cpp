#include "echo/hgrm.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace echo {
namespace {

constexpr double ticks_per_half = 5;

double milliseconds(double ns) {
  return ns / 1e6;
}
double milliseconds(std::uint64_t ns) {
  return milliseconds(static_cast<double>(ns));
}

/// The deviation of the bins' middles from the exact mean, as in HdrHistogram.
double standard_deviation(const Histogram& histogram) {
  if (histogram.count() == 0) return 0;
  double squares = 0;
  std::uint64_t rank = 0;
  for (const Histogram::Bin& bin : histogram.bins()) {
    rank += bin.count;
    const double off = static_cast<double>(histogram.at_rank(rank).ns) - histogram.mean();
    squares += static_cast<double>(bin.count) * off * off;
  }
  return std::sqrt(squares / static_cast<double>(histogram.count()));
}

/// The next level that gets a row. The distance halves with each halving of the rest up to 100 %.
double after(double percent) {
  const double halvings = std::floor(std::log2(100 / (100 - percent))) + 1;
  return percent + 100 / (ticks_per_half * std::exp2(halvings));
}

/// The order of HdrHistogram's iterator: each bin before the last makes a row for each level that
/// it reaches, the last bin makes one row. A final row for 100 % has no fourth column.
std::string rows_of(const Histogram& histogram) {
  const std::uint64_t count = histogram.count();
  std::string rows;
  std::uint64_t rank = 0;
  double level = 0;
  for (const Histogram::Bin& bin : histogram.bins()) {
    rank += bin.count;
    const double reached = 100 * static_cast<double>(rank) / static_cast<double>(count);
    while (level <= reached) {
      rows += fmt::format("{:15.6f} {:.12f} {:10d} {:14.2f}\n",
                          milliseconds(histogram.at_rank(rank).ns), level / 100, rank,
                          100 / (100 - level));
      level = after(level);
      if (rank == count) break;
    }
  }
  if (count == 0) return rows;
  return rows + fmt::format("{:15.6f} {:.12f} {:10d}\n", milliseconds(histogram.max()), 1.0, count);
}

}  // namespace

std::string hgrm_of(const Histogram& histogram) {
  std::string text = fmt::format("{:>15} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile",
                                 "TotalCount", "1/(1-Percentile)");
  text += rows_of(histogram);
  text += fmt::format("#[Mean    = {:12.6f}, StdDeviation   = {:12.6f}]\n",
                      milliseconds(histogram.mean()), milliseconds(standard_deviation(histogram)));
  text += fmt::format("#[Max     = {:12.6f}, Total count    = {:12d}]\n",
                      milliseconds(histogram.max()), histogram.count());
  text += fmt::format("#[Buckets = {:12d}, SubBuckets     = {:12d}]\n",
                      LogLinearAxis::value_bits - LogLinearAxis::sub_bits,
                      2U << LogLinearAxis::sub_bits);
  if (const auto lowest = histogram.lowest_censored()) {
    text += fmt::format("# {} of {} got no answer: values from {:.6f} on are lower bounds\n",
                        histogram.censored(), histogram.count(), milliseconds(*lowest));
  }
  if (histogram.overflow() > 0) {
    text +=
        fmt::format("# {} of {} are beyond {:.6f} and shown as that value\n", histogram.overflow(),
                    histogram.count(), milliseconds(LogLinearAxis::max_value + 1));
  }
  return text;
}

}  // namespace echo
