#include "client/report/text_parts.hpp"

#include <fmt/format.h>

#include <cmath>

#include "client/options/words.hpp"
#include "client/result/rate.hpp"
#include "echo/report.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

using limits::format_bytes;
using limits::format_count;
using limits::format_duration;

std::string per_second_text(double rate) {
  if (rate < 10) return rate_text(rate) + "/s";
  return format_count(static_cast<std::uint64_t>(std::llround(rate))) + "/s";
}

std::string objective_text(const Options& options) {
  std::string text;
  for (const Term& term : options.find_rate->terms())
    text += (text.empty() ? "" : ", ") + text_of(term);
  return text;
}

}  // namespace

std::string or_dash(const std::optional<std::uint64_t>& value,
                    std::string (*format)(std::uint64_t)) {
  return value ? format(*value) : "-";
}

std::string microseconds(const std::optional<std::uint64_t>& ns) {
  return ns ? fmt::format("{:.2f} us", static_cast<double>(*ns) / 1e3) : "-";
}

std::string percentile_heading() {
  return fmt::format("{:<9}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}\n", "", "p50", "p90", "p99",
                     "p99.9", "p99.99", "max");
}

std::string row(std::string_view name, const echo::Histogram& histogram, std::string_view remark) {
  std::string text = fmt::format("{:<9}", name);
  for (const double percent : {50.0, 90.0, 99.0, 99.9, 99.99})
    text += fmt::format("{:>11}", echo::text_of(histogram.percentile(percent)));
  const std::string most =
      histogram.count() == 0 ? "-" : echo::text_of(histogram.at_rank(histogram.count()));
  return text + fmt::format("{:>11}{}{}\n", most, remark.empty() ? "" : "  ", remark);
}

std::string found_text(const Result& result) {
  if (!result.found) return "";
  const FoundRate& found = *result.found;
  const RateSearch::Answer& answer = found.answer;
  const std::string objective = objective_text(result.options);
  std::string text;
  switch (found.end) {
    case SearchEnd::none_holds:
      text = fmt::format("rate       no rate down to {} holds {}\n", per_second_text(answer.best),
                         objective);
      break;
    case SearchEnd::ceiling:
      text =
          fmt::format("rate       {} or more holds {}\n", per_second_text(answer.best), objective);
      break;
    case SearchEnd::unproven:
      text = fmt::format("rate       unproven: {} needs {} samples, which is {} for {}\n",
                         objective, format_count(found.samples_needed),
                         per_second_text(static_cast<double>(found.samples_needed) / 10), "10 s");
      break;
    case SearchEnd::cut_short:
      return fmt::format("rate       unknown: the search was cut short after {} trials\n",
                         found.trials.size());
    case SearchEnd::found:
      text = fmt::format("rate       {} holds {}; 90 % interval {} to {}\n",
                         per_second_text(answer.best), objective, per_second_text(answer.low),
                         per_second_text(answer.high));
  }
  text += fmt::format("trials     {}, at most {} each; closed loop {}\n", found.trials.size(),
                      format_duration(found.trial_time), per_second_text(found.closed_loop));
  if (found.end == SearchEnd::unproven) return text;
  if (answer.passes_at) text += row("below", found.below, per_second_text(*answer.passes_at));
  if (answer.fails_at) text += row("above", found.above, per_second_text(*answer.fails_at));
  if (found.client_was_late)
    text +=
        "warning    a trial failed while the client sent late: this may be the client's own "
        "limit\n";
  return text;
}

std::string calibration_text(const Result& result) {
  if (result.calibration.empty()) return "";
  std::string text = fmt::format("\n{:<27}{:>7}{:>13}{:>12}{:>12}{:>12}{:>12}{:>11}\n",
                                 "against a minimal server", "n", "per second", "client CPU",
                                 "server CPU", "late p50", "late p99", "resident");
  const auto time = [](const std::optional<std::uint64_t>& ns) {
    return ns ? format_duration(Nanoseconds(*ns)) : "-";
  };
  for (const Calibrated& line : result.calibration) {
    text += fmt::format("{:<27}{:>7}{:>13}{:>12}{:>12}{:>12}{:>12}{:>11}\n", line.what,
                        format_count(line.connections), per_second_text(line.per_second),
                        microseconds(line.client_ns), microseconds(line.server_ns),
                        time(line.lateness_p50), time(line.lateness_p99),
                        or_dash(line.resident, format_bytes));
  }
  return text;
}

std::string rounds_text(const Result& result) {
  const Words words = words_of(result.options.protocol());
  std::string text;
  for (std::size_t i = 0; i < result.rounds.size(); ++i) {
    const RoundFigures& round = result.rounds[i];
    text += fmt::format(
        "round {:<4} served {}, failed {}, {} {}/s; server resident {}{}\n", i + 1,
        format_count(round.served), format_count(round.failed), rate_text(round.echoes_per_s),
        words.many, or_dash(round.server_rss, format_bytes),
        round.time_wait
            ? fmt::format(", TIME_WAIT {} on this machine", format_count(*round.time_wait))
            : "");
  }
  return text;
}

}  // namespace client
