#include "echo/histogram.hpp"

#include <boost/histogram/make_histogram.hpp>
#include <cmath>
#include <stdexcept>
#include <string>

namespace echo {
namespace {

constexpr LogLinearAxis axis;

void require(bool holds, const std::string& what) {
  if (!holds) throw std::invalid_argument("not a histogram: " + what);
}

/// Checks that the bins begin on edges, ascend, add up to `count` and can have the sum.
void check_bins(const Histogram::Parts& parts) {
  std::uint64_t counted = 0;
  long double least = 0;  // holds the range of a 64 x 64-bit product, and nearly its digits
  long double most = 0;
  const Histogram::Bin* before = nullptr;
  for (const Histogram::Bin& bin : parts.bins) {
    const int i = axis.index(bin.lower);
    const std::string named = "bin " + std::to_string(bin.lower);
    require(axis.lower(i) == bin.lower, named + " does not begin on an edge");
    require(before == nullptr || before->lower < bin.lower, named + " is out of order");
    require(bin.count > 0, named + " is empty");
    require(bin.count <= parts.count - counted, "the bins hold more than the count");
    counted += bin.count;
    const std::uint64_t end = i + 1 < axis.size() ? axis.lower(i + 1) - 1 : parts.max;
    least += static_cast<long double>(bin.lower) * static_cast<long double>(bin.count);
    most += static_cast<long double>(end) * static_cast<long double>(bin.count);
    before = &bin;
  }
  require(counted == parts.count, "the bins hold " + std::to_string(counted) + ", the count is " +
                                      std::to_string(parts.count));
  const auto sum = static_cast<long double>(parts.sum);
  require(sum >= least * (1 - 1e-15L) && sum <= most * (1 + 1e-15L),
          "no values in these bins have the sum " + std::to_string(parts.sum));
}

void check_ends(const Histogram::Parts& parts) {
  require(parts.min <= parts.max, "the minimum is above the maximum");
  require(parts.censored <= parts.count, "more values are censored than recorded");
  require((parts.censored > 0) == parts.lowest_censored.has_value(),
          "the number of censored values and the lowest of them contradict each other");
  if (parts.bins.empty()) {
    require(parts.max == 0, "empty, but with a maximum");
    return;
  }
  const auto holds = [&parts](std::uint64_t value) {
    const std::uint64_t lower = axis.lower(axis.index(value));
    return std::any_of(parts.bins.begin(), parts.bins.end(),
                       [lower](const Histogram::Bin& bin) { return bin.lower == lower; });
  };
  require(axis.index(parts.min) == axis.index(parts.bins.front().lower),
          "the minimum is not in the first bin");
  require(axis.index(parts.max) == axis.index(parts.bins.back().lower),
          "the maximum is not in the last bin");
  if (!parts.lowest_censored) return;
  const std::uint64_t lowest = *parts.lowest_censored;
  require(lowest >= parts.min && lowest <= parts.max && holds(lowest),
          "the lowest censored value is in none of the bins");
}

}  // namespace

void Histogram::make_bins() {
  bins_.emplace(std::make_tuple(LogLinearAxis{}), boost::histogram::dense_storage<std::uint64_t>{});
}

std::uint64_t Histogram::at(int bin) const {
  return bins_ ? std::uint64_t{bins_->at(bin)} : 0;
}

void Histogram::record_censored(std::chrono::nanoseconds at_least, std::uint64_t times) {
  if (times == 0) return;
  const std::uint64_t ns = clamp(at_least);
  add(ns);
  bins_->at(axis.index(ns)) += times - 1;
  count_ += times - 1;
  total_ += ns * (times - 1);
  censored_ += times;
  lowest_censored_ = std::min(lowest_censored_, ns);
}

Histogram& Histogram::operator+=(const Histogram& other) {
  if (other.bins_) {
    if (!bins_) make_bins();
    *bins_ += *other.bins_;
  }
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

void Histogram::clear() {
  if (count_ == 0) return;
  for (int i = axis.index(min_); i <= axis.index(max_); ++i) bins_->at(i) = 0;
  count_ = total_ = max_ = censored_ = 0;
  min_ = lowest_censored_ = std::numeric_limits<std::uint64_t>::max();
}

Histogram Histogram::from(const Parts& parts) {
  check_bins(parts);
  check_ends(parts);
  Histogram histogram;
  if (parts.count == 0) return histogram;
  if (!parts.bins.empty()) histogram.make_bins();
  for (const Bin& bin : parts.bins) histogram.bins_->at(axis.index(bin.lower)) = bin.count;
  histogram.count_ = parts.count;
  histogram.total_ = parts.sum;
  histogram.min_ = parts.min;
  histogram.max_ = parts.max;
  histogram.censored_ = parts.censored;
  histogram.lowest_censored_ = parts.lowest_censored.value_or(histogram.lowest_censored_);
  return histogram;
}

std::uint64_t Histogram::rank_of(double percent) const {
  // 99.9 % of 1,000 is 999, whatever the last bit of the product.
  return static_cast<std::uint64_t>(
      std::ceil(static_cast<double>(count_) * percent / 100.0 - 1e-9));
}

std::optional<Percentile> Histogram::percentile(double percent) const {
  const std::uint64_t rank = rank_of(percent);
  if (rank == 0 || count_ < rank + samples_above) return std::nullopt;
  return at_rank(rank);
}

Percentile Histogram::at_rank(std::uint64_t rank) const {
  std::uint64_t below = 0;
  for (int i = axis.index(min()); i < axis.size() - 1; ++i) {
    below += at(i);
    if (below < rank) continue;
    const std::uint64_t first = LogLinearAxis::lower(i);
    const std::uint64_t middle = first + (LogLinearAxis::lower(i + 1) - first) / 2;
    return {std::clamp(middle, min_, max_), lowest_censored_ < LogLinearAxis::lower(i + 1)};
  }
  return {LogLinearAxis::max_value + 1, true};
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> held;
  for (int i = 0; i < axis.size(); ++i) {
    if (const std::uint64_t n = at(i); n != 0) held.push_back({LogLinearAxis::lower(i), n});
  }
  return held;
}

}  // namespace echo
