#include "client/findings/check_warnings.hpp"

#include <fmt/format.h>

#include <cmath>

#include "client/result/rate.hpp"
#include "client/statistics/spearman.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

std::string of_send_rate(const SendRateCheck& check) {
  return fmt::format(
      "the client sent {} messages/s of {} asked ({} more or less are allowed), {} were due and "
      "never sent: the server or the client does not keep up; lower -R or use more connections "
      "(-n), --depth or threads (-t)",
      rate_text(check.sent), rate_text(check.asked), rate_text(check.spread),
      limits::format_count(check.unsent));
}

std::string of_send_gaps(const SendGapsCheck& check) {
  const std::string found =
      check.poisson
          ? fmt::format(
                "are not those of Poisson arrivals (Anderson-Darling {:.1f}, at most {:.1f} by "
                "chance; {:.0f} % of {} gaps are too short or too long)",
                check.statistic, check.critical, 100 * check.distance.value_or(0),
                limits::format_count(check.samples))
          : fmt::format("are not the asked ones ({:.0f} % of {} are more than half a gap off)",
                        100 * check.statistic, limits::format_count(check.samples));
  return "the gaps between sends " + found +
         ": messages go out in bursts; lower -R, use more threads (-t) or connections (-n), or run "
         "on an idle machine";
}

std::string of_independence(const IndependenceCheck& check, const Words& words) {
  const std::string worth =
      check.rho > 0
          ? fmt::format("percentiles are about as certain as those of {:.0f} % as many {}",
                        100 * effective_share(check.rho), words.many)
          : "the confidence of percentiles is not what their count suggests";
  return fmt::format(
      "latencies depend on the one before (Spearman {:.2f} over {} pairs): {}; run longer (-d) or "
      "several times (--repeat)",
      check.rho, limits::format_count(check.pairs), worth);
}

std::string of_stationarity(const StationarityCheck& check) {
  return fmt::format(
      "the latency drifted in the measured window by {:.0f} % (augmented Dickey-Fuller {:.2f} over "
      "{} intervals, above {:.2f}): warm up longer (--warmup) or run longer (-d)",
      100 * check.drift, check.statistic, check.points, check.critical);
}

}  // namespace

std::vector<std::string> warnings_of_checks(const Checks& checks, const Words& words) {
  std::vector<std::string> warnings;
  if (checks.send_rate && !checks.send_rate->holds)
    warnings.push_back(of_send_rate(*checks.send_rate));
  if (checks.send_gaps && !checks.send_gaps->holds)
    warnings.push_back(of_send_gaps(*checks.send_gaps));
  if (checks.stationarity && !checks.stationarity->holds)
    warnings.push_back(of_stationarity(*checks.stationarity));
  if (checks.independence && !checks.independence->holds)
    warnings.push_back(of_independence(*checks.independence, words));
  return warnings;
}

}  // namespace client
