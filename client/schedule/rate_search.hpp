// Searches the highest rate that holds an objective, by trials with noisy outcomes. Pure: it
// returns the rate of the next trial and the result; the caller runs the trials.
//
// Near the edge the same rate holds in one trial and misses in the next, and at any rate a hiccup
// of the machine can fail a trial. Plain bisection never revises a verdict: after one wrong verdict
// it cannot find the edge. So the search keeps a posterior: for each rate, the probability that it
// is the edge. Each trial is made at the posterior's median and updates it (probabilistic
// bisection: M. Horstein, "Sequential transmission using noiseless feedback", 1963,
// https://doi.org/10.1109/TIT.1963.1057832; in psychophysics QUEST: Watson and Pelli, Perception &
// Psychophysics 33, 1983, https://doi.org/10.3758/BF03202828). Every trial near the edge counts,
// not only the last ones: in simulation the spread is half that of bisection with a majority of
// three at each step.
//
// It needs a first estimate, e.g. the rate of a short closed loop; an error by a factor of ten
// costs a few more trials. Trials of 1 s are better than half as many of 2 s if a second gives
// enough samples (Objective::samples_needed()).
#pragma once

#include <optional>
#include <vector>

namespace client {

class RateSearch {
 public:
  struct Plan {
    double estimate = 1;      ///< messages/s at which the server is approximately busy
    double lowest = 1;        ///< lowest rate that may be tried, messages/s
    double highest = 1e9;     ///< highest rate that may be tried, messages/s
    unsigned trials = 30;     ///< at most
    double precision = 1.04;  ///< ends early when the 90 % interval is within this factor
  };
  enum class End {
    found,
    none_holds,  ///< even the lowest rate allowed misses
    ceiling      ///< even the highest rate allowed holds
  };
  struct Answer {
    End end = End::found;
    double best = 0;  ///< posterior median, messages/s; lowest or highest unless found
    double low = 0;   ///< the edge is between low and high with 90 % probability
    double high = 0;
    std::optional<double> passes_at;  ///< nearest rate up to `best` that mostly held when tried
    std::optional<double> fails_at;   ///< nearest rate above it that mostly missed
    unsigned trials = 0;
  };

  /// Throws std::invalid_argument unless 0 < lowest <= highest and the estimate is positive.
  explicit RateSearch(const Plan& plan);

  /// The rate of the next trial, in messages/s; nullopt when the interval is narrow enough or no
  /// trials are left.
  [[nodiscard]] std::optional<double> next() const;
  /// Records the outcome of a trial. Do not record a trial without a verdict; make it longer.
  void record(double rate, bool held);
  /// The result so far; final when next() returns nullopt.
  [[nodiscard]] Answer answer() const;

 private:
  struct Tried {
    double rate = 0;
    unsigned held = 0;
    unsigned missed = 0;
  };
  [[nodiscard]] double edge(std::size_t cell) const;
  [[nodiscard]] double quantile(double share) const;

  Plan plan_;
  double floor_;                   ///< the first cell's logarithm, a margin below the lowest rate
  std::vector<double> posterior_;  ///< a row of cells for each of `widths`; adds up to 1
  std::size_t cells_;
  std::vector<Tried> tried_;  ///< ascending by rate
  unsigned trials_ = 0;
};

}  // namespace client
