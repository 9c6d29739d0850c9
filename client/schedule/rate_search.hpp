// The highest rate that holds an objective, found by trials whose outcomes are noisy. Pure: the
// caller runs the trials, this says at which rate, and what they amount to.
//
// Near the edge one and the same rate holds in one trial and misses in the next, and anywhere a
// hiccup of the machine can fail a trial. Plain bisection believes each verdict for ever; one wrong
// verdict early, and it converges on nothing. So what is kept is a belief: for each rate, how
// likely it is the edge. Each trial is made at the belief's median and reweighs it (probabilistic
// bisection: Horstein 1963; psychophysics calls it QUEST: Watson and Pelli 1983, Perception &
// Psychophysics 33). Every trial near the edge counts, not only the last ones: in simulation its
// spread is half that of bisection with a majority of three at each step.
//
// Needs a first estimate, e.g. the rate of a short closed loop; one that is off by a factor of ten
// costs a few trials more. Trials of 1 s are better than half as many of 2 s, where a second holds
// enough samples (Objective::samples_needed()).
#pragma once

#include <optional>
#include <vector>

namespace client {

class RateSearch {
 public:
  struct Plan {
    double estimate = 1;  ///< messages/s at which the server is about busy
    double lowest = 1;    ///< rates that may be tried
    double highest = 1e9;
    unsigned trials = 30;     ///< at most
    double precision = 1.04;  ///< ends early when 90 % of the belief lies within this factor
  };
  enum class End {
    found,
    none_holds,  ///< even the lowest rate allowed misses
    ceiling      ///< even the highest rate allowed holds
  };
  struct Answer {
    End end = End::found;
    double best = 0;  ///< the edge: as likely above as below; lowest or highest unless found
    double low = 0;   ///< 90 % of the belief about the edge lies between these
    double high = 0;
    std::optional<double> passes_at;  ///< nearest rate up to `best` that mostly held when tried
    std::optional<double> fails_at;   ///< nearest rate above it that mostly missed
    unsigned trials = 0;
  };

  /// Throws std::invalid_argument unless 0 < lowest <= highest and the estimate is positive.
  explicit RateSearch(const Plan& plan);

  /// The rate of the next trial; nullopt when the belief is narrow enough or the trials are spent.
  [[nodiscard]] std::optional<double> next() const;
  /// What a trial came to. A trial that proved nothing says nothing: make it longer, do not tell
  /// it.
  void tell(double rate, bool held);
  /// What is known so far; final once next() has none.
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
  double floor_;  ///< the first cell's logarithm, a margin below the lowest rate
  std::vector<double>
      belief_;  ///< a row of cells for each width of the uncertain zone; adds up to 1
  std::size_t cells_;
  std::vector<Tried> tried_;  ///< ascending by rate
  unsigned trials_ = 0;
};

}  // namespace client
