// Objectives: parses "p99<5ms,max<1s" and judges the latencies of a run by it.
//
// There are three verdicts. A percentile with fewer than ten samples above it is neither held nor
// missed, and neither is one that unanswered messages may still push over the bound. Such a term is
// unproven, which fails a run as a miss does. Two rules prove as much as possible. Percentiles only
// grow with their rank: if the highest one with enough samples misses the bound, all above it do.
// If a percentile stays below its bound even with every unanswered message counted as endless, it
// is held.
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

/// The verdict on one term.
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
  /// Parses terms separated by commas: p99<5ms, p99.9<=50ms, max<1s. Throws std::invalid_argument
  /// with the text given and the form allowed.
  static Objective parse(std::string_view text);

  [[nodiscard]] const std::vector<Term>& terms() const { return terms_; }
  /// A judgement for each term, in the order of the terms.
  [[nodiscard]] std::vector<Judgement> judge(const echo::Histogram& histogram) const;
  /// The fewest samples with which no term is unproven because of too few samples. They determine
  /// how long a trial must be.
  [[nodiscard]] std::uint64_t samples_needed() const;

 private:
  std::vector<Term> terms_;
};

/// The worst verdict: missed, then unproven, then held. Without any judgement: held.
Verdict verdict_of(const std::vector<Judgement>& judgements);

}  // namespace client
