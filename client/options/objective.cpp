#include "client/options/objective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "limits/quantity.hpp"

namespace client {
namespace {

using Known = Judgement::Known;
using std::chrono::nanoseconds;

constexpr double maximum = 100;

[[noreturn]] void refuse(std::string_view term) {
  std::string given;  // one printable line for any input
  for (const char c : term.substr(0, 64)) given += (c >= ' ' && c != '\x7f') ? c : '?';
  throw std::invalid_argument(
      fmt::format("\"{}\" is not an objective: p99<5ms, p99.9<=50ms or max<1s (percentiles above 0 "
                  "and below 100, bounds above 0), several separated by commas",
                  given));
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// "p99.9" or "max"; nullopt for anything else.
std::optional<double> parse_percent(std::string_view text) {
  if (text == "max") return maximum;
  if (!text.starts_with('p')) return std::nullopt;
  text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) {
    return std::nullopt;  // from_chars would accept 1e1, inf and -0 too
  }
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || percent <= 0 || percent >= maximum) return std::nullopt;
  return percent;
}

Term parse_term(std::string_view text) {
  const std::size_t sign = text.find('<');
  if (sign == std::string_view::npos) refuse(text);
  Term term;
  const auto percent = parse_percent(trimmed(text.substr(0, sign)));
  std::string bound(text.substr(sign + 1));
  term.inclusive = bound.starts_with('=');
  if (term.inclusive) bound.erase(0, 1);
  std::erase(bound, ' ');  // a report writes "5 ms"
  if (!percent) refuse(text);
  term.percent = *percent;
  try {
    term.bound = limits::parse_duration(bound);
  } catch (const std::invalid_argument&) {
    refuse(text);
  }
  if (term.bound <= nanoseconds{0}) refuse(text);
  return term;
}

bool within(const Term& term, std::uint64_t ns) {
  const auto bound = static_cast<std::uint64_t>(term.bound.count());
  return term.inclusive ? ns <= bound : ns < bound;
}

Judgement judge_maximum(const Term& term, const echo::Histogram& histogram) {
  const bool open_ended = histogram.censored() > 0;
  const Known known = open_ended ? Known::at_least : Known::exactly;
  const std::uint64_t max = histogram.max();
  if (!within(term, max)) return {term, Verdict::missed, max, known};
  return {term, open_ended ? Verdict::unproven : Verdict::held, max, known};
}

Judgement judge_percentile(const Term& term, const echo::Histogram& histogram) {
  constexpr std::uint64_t above = echo::Histogram::samples_above;
  const auto percentile = histogram.percentile(term.percent);
  if (!percentile) {
    if (histogram.count() <= above) return {term, Verdict::unproven, std::nullopt, Known::exactly};
    // The highest percentile with ten samples above it is a lower bound of this one.
    const auto highest = histogram.at_rank(histogram.count() - above);
    if (within(term, highest.ns)) return {term, Verdict::unproven, std::nullopt, Known::exactly};
    return {term, Verdict::missed, highest.ns, Known::at_least};
  }
  const Known known = percentile->at_least ? Known::at_least : Known::exactly;
  if (!within(term, percentile->ns)) return {term, Verdict::missed, percentile->ns, known};
  if (!percentile->at_least) return {term, Verdict::held, percentile->ns, known};
  // If every censored value were endless, the percentile would move up by at most that many ranks.
  const std::uint64_t rank = histogram.rank_of(term.percent) + histogram.censored();
  if (rank + above <= histogram.count()) {
    const std::uint64_t at_most = histogram.at_rank(rank).ns;
    const bool on_axis = at_most <= echo::LogLinearAxis::max_value;
    if (on_axis && within(term, at_most)) return {term, Verdict::held, at_most, Known::at_most};
  }
  return {term, Verdict::unproven, percentile->ns, known};
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::held:
      return "held";
    case Verdict::missed:
      return "missed";
    case Verdict::unproven:
      break;
  }
  return "unproven";
}

std::string text_of(const Term& term) {
  struct Unit {
    double ns;
    const char* name;
  };
  constexpr std::array<Unit, 4> units{{{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}}};
  const auto ns = static_cast<double>(term.bound.count());
  const auto* const unit = std::find_if(units.begin(), units.end() - 1,
                                        [ns](const Unit& each) { return ns >= each.ns; });
  const std::string what = term.percent < maximum ? fmt::format("p{}", term.percent) : "max";
  return fmt::format("{} {} {} {}", what, term.inclusive ? "<=" : "<", ns / unit->ns, unit->name);
}

std::string text_of(const Judgement& judgement) {
  const std::string text =
      fmt::format("{}: {}", text_of(judgement.term), name_of(judgement.verdict));
  if (!judgement.ns) return text + " (fewer than ten samples above it)";
  const std::string_view sign = judgement.known == Known::at_least  ? ">= "
                                : judgement.known == Known::at_most ? "<= "
                                                                    : "";
  const std::string_view why =
      judgement.verdict == Verdict::unproven ? " is all that is known" : "";
  return fmt::format("{} ({}{}{})", text, sign, limits::format_duration(nanoseconds(*judgement.ns)),
                     why);
}

Objective Objective::parse(std::string_view text) {
  Objective objective;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    objective.terms_.push_back(parse_term(trimmed(rest.substr(0, comma))));
    if (comma == std::string_view::npos) return objective;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<Judgement> Objective::judge(const echo::Histogram& histogram) const {
  std::vector<Judgement> judgements;
  for (const Term& term : terms_) {
    if (histogram.count() == 0) {
      judgements.push_back({term, Verdict::unproven, std::nullopt, Known::exactly});
    } else if (term.percent < maximum) {
      judgements.push_back(judge_percentile(term, histogram));
    } else {
      judgements.push_back(judge_maximum(term, histogram));
    }
  }
  return judgements;
}

std::uint64_t Objective::samples_needed() const {
  double most = 1;
  for (const Term& term : terms_) {
    if (term.percent < maximum) {
      const double above = echo::Histogram::samples_above;
      most = std::max(most, std::ceil(above / (1 - term.percent / 100) - 1e-6));
    }
  }
  return static_cast<std::uint64_t>(std::min(most, 1e18));
}

Verdict verdict_of(const std::vector<Judgement>& judgements) {
  const auto any = [&judgements](Verdict verdict) {
    return std::any_of(judgements.begin(), judgements.end(),
                       [verdict](const Judgement& each) { return each.verdict == verdict; });
  };
  if (any(Verdict::missed)) return Verdict::missed;
  return any(Verdict::unproven) ? Verdict::unproven : Verdict::held;
}

}  // namespace client
