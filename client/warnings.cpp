#include "client/warnings.hpp"
#include <fmt/format.h>
#include "limits/quantity.hpp"
namespace client {
std::vector<std::string> warnings_of(const Result& result) {
  const Tally& tally = result.tally;
  std::vector<std::string> warnings;
  const auto grew = [](const auto& before, const auto& after) {
    return before && after && *after > *before ? *after - *before : 0;
  };
  const auto& first = result.moments.before.tcp;
  const auto& last = result.moments.after.tcp;
  if (const auto drops = grew(first.listen_drops, last.listen_drops); drops > 0) {
    warnings.push_back(
        fmt::format("the accept queue overflowed: ListenDrops +{}; raise the server's backlog "
                    "(and net.core.somaxconn)",
                    limits::format_count(drops)));
  }
  if (tally.slow_connects > 0) {
    warnings.push_back(
        fmt::format("{} connects took 0.5 s or longer: their SYN was dropped and sent again",
                    limits::format_count(tally.slow_connects)));
  }
  if (tally.late_resets > 0) {
    warnings.push_back(fmt::format(
        "late_reset: {} connections were reset after their last echo; they count as served",
        limits::format_count(tally.late_resets)));
  }
  if (tally.count(Outcome::local_limit) > 0) {
    warnings.push_back(fmt::format(
        "local_limit: this machine ran out (see errno); `limits -n {}` names what, and the command",
        result.options.connections));
  }
  if (result.options.server_pid == std::nullopt && result.server_name == "-" &&
      tally.established > 0) {
    warnings.emplace_back(
        "the server's process was not found by its listener (another user's, or another host): "
        "--server-pid tells it");
  }
  if (tally.lateness.count() > 0) {
    if (const auto p99 = tally.lateness.percentile(99); p99 && p99->ns > 1'000'000) {
      warnings.push_back("the client itself sent late, p99 " +
                         limits::format_duration(Nanoseconds(p99->ns)) +
                         ": the rate is too high for it, or the machine is busy");
    }
  }
  return warnings;
}

}  // namespace client
