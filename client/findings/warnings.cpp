#include "client/findings/warnings.hpp"

#include <fmt/format.h>

#include "limits/quantity.hpp"

namespace client {
namespace {

using Sentence = std::optional<std::string>;
using limits::format_duration;

double percent(double share) {
  return 100 * share;
}

Sentence bottleneck(const Measured& run) {
  const auto& busiest = run.costs.client_busiest_thread;
  if (!busiest || *busiest < busy_thread) return std::nullopt;
  if (run.loop == LoopKind::open) {
    const auto half = run.lateness.percentile(50);
    if (half && half->ns <= static_cast<std::uint64_t>(std::chrono::nanoseconds{behind}.count()))
      return std::nullopt;
  }
  const std::string advice =
      run.loop == LoopKind::open
          ? "it cannot send at this rate: lower -R or use more threads (-t)"
          : fmt::format(
                "throughput and {} times are the client's, not the server's: use more "
                "threads (-t) or fewer connections (-n)",
                run.words.one);
  return fmt::format("the client is the bottleneck, one of its threads was {:.0f} % busy; {}",
                     percent(*busiest), advice);
}

/// Whether one thread did all the work: with more of them, a sum of one processor means nothing.
bool by_one_thread(const std::optional<double>& busiest, double utilisation) {
  return busiest && *busiest >= one_thread_does_all * utilisation;
}

Sentence lockstep(const Measured& run) {
  const auto& client = run.costs.client_utilisation;
  const auto& server = run.costs.server_utilisation;
  if (run.loop == LoopKind::open || !client || !server) return std::nullopt;
  const double both = *client + *server;
  const bool in_lockstep = both >= lockstep_at_least && both <= lockstep_at_most &&
                           *client < lockstep_at_least && *server < lockstep_at_least;
  if (!in_lockstep || !by_one_thread(run.costs.client_busiest_thread, *client) ||
      !by_one_thread(run.costs.server_busiest_thread, *server)) {
    return std::nullopt;
  }
  return fmt::format(
      "client ({:.0f} % busy) and server ({:.0f} %) alternated: throughput shows the limit of "
      "neither; use more connections (-n) or a larger --depth",
      percent(*client), percent(*server));
}

Sentence steal(const Measured& run) {
  const auto& share = run.costs.steal;
  if (!share || *share <= much_steal) return std::nullopt;
  return fmt::format(
      "the hypervisor took {:.1f} % of this machine's time (steal): it causes the highest "
      "percentiles; run again when it takes less",
      percent(*share));
}

Sentence other_programs(const Measured& run) {
  const auto& share = run.costs.others;
  if (!share || *share <= much_by_others) return std::nullopt;
  return fmt::format(
      "others used {:.0f} % of the machine in the measured window: find these processes with "
      "`top` and run again when the machine is idle",
      percent(*share));
}

/// The load average alone would also count the run before; the runnable threads alone, chance.
Sentence busy_before(const Measured& run) {
  if (!run.load || run.processors == 0) return std::nullopt;
  const std::uint64_t others = run.load->runnable > 0 ? run.load->runnable - 1 : 0;
  const bool queued = others >= run.processors;
  const bool lasting = run.load->one_minute > static_cast<double>(run.processors) && others > 0;
  if (!queued && !lasting) return std::nullopt;
  return fmt::format(
      "the machine was busy before the run: load average {:.1f} on {} processors, {} other threads "
      "runnable; run again when the machine is idle",
      run.load->one_minute, run.processors, others);
}

/// Judged by the largest where there are too few samples for a p99.
Sentence lateness(const Measured& run) {
  if (run.lateness.count() == 0) return std::nullopt;
  const auto p99 = run.lateness.percentile(99);
  const std::chrono::nanoseconds worst(p99 ? p99->ns : run.lateness.max());
  if (worst <= late) return std::nullopt;
  return fmt::format("the client sent late, {} {}", p99 ? "p99" : "at most",
                     format_duration(worst)) +
         ": the rate is too high for it or the machine is busy; lower -R or use more threads (-t)";
}

/// A burst is read when it has been sent, so its echoes wait for the client by design.
Sentence receive_lateness(const Measured& run) {
  if (run.loop == LoopKind::burst) return std::nullopt;
  const auto read = run.receive_lateness.percentile(99);
  const auto echo = run.echo.percentile(99);
  if (!read || !echo || std::chrono::nanoseconds(read->ns) <= late) return std::nullopt;
  if (static_cast<double>(read->ns) < much_of_the_echo * static_cast<double>(echo->ns))
    return std::nullopt;
  return fmt::format(
      "the client read late: {} lay in its sockets for up to {} (p99), and took {}: that part "
      "is the client's, not the server's; use more threads (-t) or fewer connections (-n)",
      run.words.many, format_duration(std::chrono::nanoseconds(read->ns)),
      format_duration(std::chrono::nanoseconds(echo->ns)));
}

/// Latencies include the absence: an echo that came meanwhile was read only after it.
Sentence away(const Measured& run) {
  const std::chrono::duration<double> window = run.measured;
  if (window.count() <= 0 || run.away.sum < much_away * window) return std::nullopt;
  return fmt::format(
      "the client itself did not run for {} ({:.0f} % of the window; absences {}, longest {}): "
      "{} times and rates include it, and are not the server's; it was stopped (SIGSTOP, a "
      "debugger), "
      "out of its CPU quota (cgroup cpu.max) or without a processor",
      format_duration(run.away.sum), percent(run.away.sum / window),
      limits::format_count(run.away.count), format_duration(run.away.longest), run.words.one);
}

/// The kernel stops all threads of a group that has used its quota until the next period begins.
Sentence quota(const Measured& run) {
  const std::uint64_t client = run.costs.client_throttled.value_or(0);
  const std::uint64_t server = run.costs.server_throttled.value_or(0);
  if (client == 0 && server == 0) return std::nullopt;
  const auto time = [](std::uint64_t ns) { return format_duration(std::chrono::nanoseconds(ns)); };
  std::string who;
  if (client > 0) who = "the client for " + time(client);
  if (server > 0) who += (who.empty() ? "" : ", ") + ("the server for " + time(server));
  return "a CPU quota (cgroup cpu.max) stopped " + who +
         " in the measured window: figures show the quota; `limits` names its file";
}

Sentence short_run(const Measured& run) {
  if (run.window >= short_window) return std::nullopt;
  return fmt::format(
      "the measured window was short, {}: CPU shares in it are not reliable; send more "
      "messages (-m) or run longer (-d)",
      format_duration(run.window));
}

/// Only if p99 is unknown, which text and objectives use. For the rest, null in JSON is enough.
Sentence too_few_echoes(const Measured& run) {
  if (run.echo.count() == 0 || run.echo.percentile(99)) return std::nullopt;
  std::string missing;
  for (const double rank : {50.0, 90.0, 99.0, 99.9, 99.99}) {
    if (!run.echo.percentile(rank))
      missing += fmt::format("{}p{:g}", missing.empty() ? "" : ", ", rank);
  }
  return fmt::format(
      "too few {}, {}, for {}: each needs ten samples above it; send more messages (-m) or run "
      "longer (-d)",
      run.words.many, limits::format_count(run.echo.count()), missing);
}

}  // namespace

std::vector<std::string> warnings_about(const Measured& run) {
  std::vector<std::string> sentences;
  const auto add = [&](Sentence (*judge)(const Measured&)) {
    if (Sentence sentence = judge(run)) sentences.push_back(std::move(*sentence));
  };
  add(away);
  add(quota);
  const bool has_shares = run.window >= short_window;
  if (has_shares) {
    for (const auto judge : {bottleneck, lockstep, steal, other_programs}) add(judge);
  }
  for (const auto judge : {busy_before, lateness, receive_lateness, too_few_echoes, short_run})
    add(judge);
  return sentences;
}

}  // namespace client
