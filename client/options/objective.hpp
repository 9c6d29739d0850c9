// Objectives: "p99<5ms,max<1s" read, and a run's latencies judged by them.
//
// Three verdicts, because two would lie: a percentile with fewer than ten samples above it, or one
// that messages without an answer may still push over the bound, is neither held nor missed. It is
// unproven, which fails a run just as well. Whatever can be proven is: percentiles only grow, so
// the highest one that can be told misses the bound for all above it; and if even counting every
// unanswered message as endless leaves the percentile below its bound, it is held.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "echo/histogram.hpp"

namespace client {

enum class Verdict { held, missed, unproven };
std::string_view name_of(Verdict verdict);

/// One condition: a percentile (or the maximum) and the bound that it must stay below.
struct Term {
  double percent = 99;  ///< 100: the maximum
  bool inclusive = false;
  std::chrono::nanoseconds bound{};
  friend bool operator==(const Term&, const Term&) = default;
};

/// "p99 < 5 ms", "max <= 1 s"; every digit of the bound is kept.
std::string text_of(const Term& term);

/// What became of a term.
struct Judgement {
  enum class Known { exactly, at_least, at_most };
  Term term;
  Verdict verdict = Verdict::unproven;
  std::optional<std::uint64_t> ns;  ///< the latency at the term's percentile, if anything is known
  Known known = Known::exactly;     ///< to the histogram's error bound
};

/// "p99 < 5 ms: held (1.2 ms)", "p99 < 5 ms: unproven (fewer than ten samples above it)".
std::string text_of(const Judgement& judgement);

class Objective {
 public:
  /// Terms with commas between: p99<5ms, p99.9<=50ms, max<1s. Throws std::invalid_argument that
  /// says what was given and what is allowed.
  static Objective parse(std::string_view text);

  [[nodiscard]] const std::vector<Term>& terms() const { return terms_; }
  /// A judgement for each term, in the order of the terms.
  [[nodiscard]] std::vector<Judgement> judge(const echo::Histogram& histogram) const;
  /// The fewest samples with which no term is unproven for want of samples: how long a trial must
  /// be.
  [[nodiscard]] std::uint64_t samples_needed() const;

 private:
  std::vector<Term> terms_;
};

/// The worst: missed before unproven before held (which is also the verdict on nothing asked).
Verdict verdict_of(const std::vector<Judgement>& judgements);

}  // namespace client
