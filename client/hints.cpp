// What may mislead in a result, and what to do about it: the doubts about the measurement
// (warnings.hpp), and what befell its connections.
#include <fmt/format.h>
#include <unistd.h>

#include "client/books.hpp"
#include "client/load.hpp"
#include "client/present.hpp"
#include "client/warnings.hpp"
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
  if (first.time_wait_overflow && grew(first.time_wait_overflow, last.time_wait_overflow) > 0) {
    warnings.push_back(
        fmt::format("{} sockets skipped TIME_WAIT: net.ipv4.tcp_max_tw_buckets were full",
                    limits::format_count(grew(first.time_wait_overflow, last.time_wait_overflow))));
  }
  if (tally.verified() == 0) return warnings;  // nothing was measured
  const Books books = books_of(result.moments, result.echoes_between);
  const LoopKind kind = loop_kind(result) == "open"    ? LoopKind::open
                        : loop_kind(result) == "burst" ? LoopKind::burst
                                                       : LoopKind::closed;
  const Measured measured{
      .books = books,
      .window = result.moments.end.at - result.moments.begin.at,
      .loop = kind,
      .echo = tally.measured.latency,
      .lateness = tally.lateness,
      .load = result.moments.before.load,
      .processors = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN))};
  for (std::string& doubt : doubts_about(measured)) warnings.push_back(std::move(doubt));
  return warnings;
}

}  // namespace client
