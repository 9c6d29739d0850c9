// Latency histogram: log-linear bins over nanoseconds, on Boost.Histogram.
//
// Gil Tene's HdrHistogram layout as an axis of integers: 128 equal bins in each doubling. A value
// is known to 1/128 of itself and its bin's middle to 1/256 (0.4 %), from 1 ns to 18 minutes, in
// 34 KiB. Recording is a shift and an increment. Merging is exact (`+=`); percentiles are never
// averaged. The parts in a document give the same histogram again (`from`). A message that timed
// out is recorded as "at least this long" (censored): without it the percentiles would describe
// only the messages that came back. Values longer than the axis have their own bin (overflow), and
// percentiles in it are reported as "at least".
#pragma once

#include <algorithm>
#include <bit>
#include <boost/histogram/histogram.hpp>
#include <boost/histogram/storage_adaptor.hpp>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <vector>

namespace echo {

/// Integer log-linear axis (a Boost.Histogram axis without Boost's own flow bins). Bins 0..255 hold
/// one value each. From 256 on, each doubling is divided into 128 bins. The last bin holds all
/// values above max_value. It costs nothing, because it is where the layout would put
/// max_value + 1.
class LogLinearAxis {
 public:
  static constexpr unsigned sub_bits = 7;     ///< 2^7 bins per doubling
  static constexpr unsigned value_bits = 40;  ///< up to 2^40 ns = 18.3 minutes
  static constexpr std::uint64_t max_value = (std::uint64_t{1} << value_bits) - 1;

  [[nodiscard]] int index(std::uint64_t value) const noexcept {
    value = std::min(value, max_value + 1);
    if (value < (2U << sub_bits)) return static_cast<int>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - (sub_bits + 1U);
    return static_cast<int>((shift << sub_bits) + (value >> shift));
  }
  [[nodiscard]] int size() const noexcept {
    return static_cast<int>((value_bits - sub_bits + 1U) << sub_bits) + 1;
  }
  /// The smallest value of bin `i`; that of the last bin is max_value + 1.
  [[nodiscard]] static std::uint64_t lower(int i) noexcept {
    const auto bin = static_cast<std::uint64_t>(i);
    if (bin < (2U << sub_bits)) return bin;
    const std::uint64_t shift = (bin >> sub_bits) - 1U;
    return (bin - (shift << sub_bits)) << shift;
  }
  /// For Boost.Histogram's printing and algorithms: the lower edge.
  [[nodiscard]] std::uint64_t value(int i) const noexcept { return lower(i); }
  friend bool operator==(const LogLinearAxis&, const LogLinearAxis&) { return true; }
};

/// A percentile. `at_least`: it is a lower bound, because censored values are at or below it or
/// because it is beyond the axis.
struct Percentile {
  std::uint64_t ns = 0;
  bool at_least = false;
};

class Histogram {
 public:
  /// Negative durations (clocks of two cores) count as 0.
  void record(std::chrono::nanoseconds value) { add(clamp(value)); }
  /// Records `at_least` `times` times.
  void record_censored(std::chrono::nanoseconds at_least, std::uint64_t times = 1);
  Histogram& operator+=(const Histogram& other);
  /// Empties the histogram. Costs the bins between min() and max() only, so it suits intervals.
  void clear();

  struct Bin {
    std::uint64_t lower = 0;
    std::uint64_t count = 0;
    friend bool operator==(const Bin&, const Bin&) = default;
  };
  /// All that a histogram contains, as stored in a document.
  struct Parts {
    std::vector<Bin> bins;  ///< the non-empty ones, ascending
    std::uint64_t count = 0;
    std::uint64_t sum = 0;  ///< ns
    std::uint64_t min = 0;  ///< 0 when empty, as is max
    std::uint64_t max = 0;
    std::uint64_t censored = 0;
    std::optional<std::uint64_t> lowest_censored;
  };
  /// The histogram with these parts. Throws std::invalid_argument that names the two that
  /// contradict each other.
  static Histogram from(const Parts& parts);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t censored() const { return censored_; }
  [[nodiscard]] std::optional<std::uint64_t> lowest_censored() const {
    return censored_ == 0 ? std::nullopt : std::optional(lowest_censored_);
  }
  /// The number of values above LogLinearAxis::max_value.
  [[nodiscard]] std::uint64_t overflow() const { return at(LogLinearAxis{}.size() - 1); }
  [[nodiscard]] std::uint64_t sum() const { return total_; }                  ///< exact, ns
  [[nodiscard]] std::uint64_t min() const { return count_ == 0 ? 0 : min_; }  ///< exact, ns
  [[nodiscard]] std::uint64_t max() const { return max_; }                    ///< exact, ns
  [[nodiscard]] double mean() const;                                          ///< exact, ns
  /// Half the width of a bin over its middle: the largest relative error of percentile().
  [[nodiscard]] static constexpr double error_bound() {
    return 1.0 / (2U << LogLinearAxis::sub_bits);
  }

  /// The `percent`-th percentile (0 < percent < 100). nullopt with fewer than ten samples above it:
  /// a p99.9 of 500 samples is a guess.
  [[nodiscard]] std::optional<Percentile> percentile(double percent) const;
  static constexpr std::uint64_t samples_above = 10;
  /// The number of samples at or below the `percent`-th percentile, itself included.
  [[nodiscard]] std::uint64_t rank_of(double percent) const;
  /// The sample of that rank (1: the smallest; count(): the largest), even if few are above it.
  [[nodiscard]] Percentile at_rank(std::uint64_t rank) const;

  [[nodiscard]] std::vector<Bin> bins() const;  ///< the non-empty ones, ascending

 private:
  static std::uint64_t clamp(std::chrono::nanoseconds value) {
    return value.count() > 0 ? static_cast<std::uint64_t>(value.count()) : 0;
  }
  void add(std::uint64_t ns) {
    if (!bins_) [[unlikely]]
      make_bins();
    (*bins_)(ns);
    ++count_;
    total_ += ns;
    min_ = std::min(min_, ns);
    max_ = std::max(max_, ns);
  }

  void make_bins();
  [[nodiscard]] std::uint64_t at(int bin) const;

  using Bins = boost::histogram::histogram<std::tuple<LogLinearAxis>,
                                           boost::histogram::dense_storage<std::uint64_t>>;
  std::optional<Bins> bins_;  ///< made with the first value: an empty histogram costs nothing
  std::uint64_t count_ = 0;
  std::uint64_t total_ = 0;  ///< ns; holds 584 years of waiting
  std::uint64_t min_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t max_ = 0;
  std::uint64_t censored_ = 0;
  std::uint64_t lowest_censored_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace echo
