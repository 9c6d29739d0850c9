#include "echo/histogram.hpp"

#include <boost/histogram/make_histogram.hpp>
#include <cmath>

namespace echo {

Histogram::Histogram()
    : bins_(std::make_tuple(LogLinearAxis{}), boost::histogram::dense_storage<std::uint64_t>{}) {}

void Histogram::record_censored(std::chrono::nanoseconds at_least) {
  const std::uint64_t ns = clamp(at_least);
  add(ns);
  ++censored_;
  lowest_censored_ = std::min(lowest_censored_, ns);
}

Histogram& Histogram::operator+=(const Histogram& other) {
  bins_ += other.bins_;
  count_ += other.count_;
  total_ += other.total_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  censored_ += other.censored_;
  lowest_censored_ = std::min(lowest_censored_, other.lowest_censored_);
  return *this;
}

double Histogram::mean() const {
  return count_ == 0 ? 0.0 : static_cast<double>(total_) / static_cast<double>(count_);
}

std::optional<Percentile> Histogram::percentile(double percent) const {
  const auto total = static_cast<double>(count_);
  const auto rank = static_cast<std::uint64_t>(std::ceil(total * percent / 100.0 - 1e-9));
  constexpr std::uint64_t samples_above = 10;
  if (rank == 0 || count_ < rank + samples_above) return std::nullopt;
  std::uint64_t below = 0;
  for (int i = 0; i < LogLinearAxis{}.size(); ++i) {
    below += bins_.at(i);
    if (below < rank) continue;
    const std::uint64_t first = LogLinearAxis::lower(i);
    const std::uint64_t middle = first + (LogLinearAxis::lower(i + 1) - first) / 2;
    const std::uint64_t ns = std::clamp(middle, min_, max_);
    return Percentile{ns, lowest_censored_ < LogLinearAxis::lower(i + 1)};
  }
  return std::nullopt;
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> held;
  for (int i = 0; i < LogLinearAxis{}.size(); ++i) {
    if (const std::uint64_t n = bins_.at(i); n != 0) held.push_back({LogLinearAxis::lower(i), n});
  }
  return held;
}

}  // namespace echo
