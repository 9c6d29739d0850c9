// The warnings of a whole run: what its counts, the kernel and the server's sockets tell, then
// those about its costs (warnings.hpp). The kernel's counters of TCP events belong to all programs
// in the network namespace; a sentence that uses one says so.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "client/measure/costs.hpp"
#include "client/measure/rate.hpp"
#include "client/report/present.hpp"
#include "client/report/warnings.hpp"
#include "client/run/load.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

std::uint64_t grew(const std::optional<std::uint64_t>& before,
                   const std::optional<std::uint64_t>& after) {
  return before && after && *after > *before ? *after - *before : 0;
}

/// Connects that found a full queue. The server's own listener is asked; only where the kernel does
/// not report it does the machine's counter have to do.
std::optional<std::string> accept_queue(const Result& result) {
  const Moments& moments = result.moments;
  if (moments.listeners_before && moments.listeners_after) {
    const std::uint64_t drops =
        grew(moments.listeners_before->drops, moments.listeners_after->drops);
    if (drops == 0) return std::nullopt;
    return fmt::format(
        "the server's accept queue overflowed: its listener dropped {}, its queue holds {}; raise "
        "the server's --backlog (and net.core.somaxconn)",
        limits::format_count(drops), limits::format_count(moments.listeners_after->backlog));
  }
  const std::uint64_t drops = grew(moments.before.tcp.listen_drops, moments.after.tcp.listen_drops);
  if (drops == 0) return std::nullopt;
  return fmt::format(
      "an accept queue overflowed somewhere on this machine: ListenDrops +{}; if it was the "
      "server's, raise its --backlog (and net.core.somaxconn)",
      limits::format_count(drops));
}

std::optional<std::string> other_connections(const Result& result) {
  const std::uint64_t others = result.moments.other_connections.value_or(0);
  if (others == 0) return std::nullopt;
  return fmt::format(
      "the server has {} connections of other clients: its CPU per echo and its memory per "
      "connection cannot be told (-), and the load is not this client's alone",
      limits::format_count(others));
}

/// The kernel sends a dropped SYN again after 1 s and counts it. If it counted none, the client
/// read the answers late.
std::optional<std::string> slow_connects(const Result& result) {
  const std::uint64_t slow = result.tally.slow_connects;
  if (slow == 0) return std::nullopt;
  const auto& before = result.moments.before.tcp.syn_retransmits;
  const auto& after = result.moments.after.tcp.syn_retransmits;
  const bool none_again = before && after && *after == *before;
  return fmt::format("{} connects took 0.5 s or longer: {}", limits::format_count(slow),
                     none_again ? "no SYN was retransmitted, so the client or the machine was busy"
                                : "their SYN was dropped and retransmitted");
}

/// A message that does not arrive within its timeout, although its bytes do.
std::optional<std::string> large_messages(const Result& result) {
  const std::uint64_t late = result.tally.partial_timeouts;
  if (late == 0) return std::nullopt;
  return fmt::format(
      "{} messages timed out while their bytes arrived, {}/s in all: give them more time "
      "(--timeout, {} now) or send smaller ones (-s); a server is faster with a larger "
      "--buffer-size",
      limits::format_count(late),
      byte_rate_text(per_second(result.tally.bytes_within, result.phases.measured)),
      limits::format_duration(result.options.timeout));
}

std::optional<std::string> other_protocol(const Result& result) {
  const std::string_view protocol = result.tally.protocol;
  if (protocol.empty()) return std::nullopt;
  return fmt::format("{} answers as a server of {}, by its first bytes: it does not echo",
                     result.target.text(), protocol);
}

/// What a user can do when all local ports towards the target are taken.
std::string ports_advice(const Result& result) {
  const bool churn = result.options.mode == Mode::churn;
  if (result.target.family() == AF_INET6 && result.target.is_loopback())
    return "::1 has no other source addresses: use 127.0.0.1, which has 127/8";
  std::string advice = "give more addresses (--source)";
  if (result.options.sources.empty() && result.target.is_loopback())
    advice = "let the server listen on several ports and name them (HOST:PORT-PORT)";
  advice += ", widen net.ipv4.ip_local_port_range";
  return advice + (churn ? ", or close without TIME_WAIT (--linger-reset)"
                         : ", or wait 60 s for TIME_WAIT to drain");
}

/// Each resource of this machine that ran out, by errno.
std::vector<std::string> local_limits(const Result& result) {
  std::uint64_t ports = 0;
  std::uint64_t others = 0;
  for (const auto& [failure, count] : result.tally.failures) {
    if (failure.outcome != Outcome::local_limit) continue;
    (failure.error == EADDRNOTAVAIL ? ports : others) += count;
  }
  std::vector<std::string> warnings;
  if (ports > 0) {
    warnings.push_back(
        fmt::format("local_limit: {} connects found no free local port: {}{}",
                    limits::format_count(ports), ports_advice(result),
                    result.moments.after.tcp.time_wait
                        ? fmt::format("; {} sockets are in TIME_WAIT somewhere on this machine",
                                      limits::format_count(*result.moments.after.tcp.time_wait))
                        : ""));
  }
  if (others > 0) {
    warnings.push_back(
        fmt::format("local_limit: this machine ran out of a resource (see errno); `limits -n {}` "
                    "names it and the command that raises it",
                    result.options.connections));
  }
  return warnings;
}

}  // namespace

std::vector<std::string> warnings_of(const Result& result) {
  const Tally& tally = result.tally;
  std::vector<std::string> warnings;
  const auto add = [&warnings](std::optional<std::string> warning) {
    if (warning) warnings.push_back(std::move(*warning));
  };
  if (!result.lost_status_lines.empty()) warnings.push_back(result.lost_status_lines);
  const auto& first = result.moments.before.tcp;
  const auto& last = result.moments.after.tcp;
  add(accept_queue(result));
  add(other_connections(result));
  add(slow_connects(result));
  if (tally.late_resets > 0) {
    warnings.push_back(fmt::format(
        "late_reset: {} connections were reset after their last echo; they count as served",
        limits::format_count(tally.late_resets)));
  }
  add(large_messages(result));
  add(other_protocol(result));
  for (std::string& warning : local_limits(result)) warnings.push_back(std::move(warning));
  if (result.options.server_pid == std::nullopt && result.server_name == "-" &&
      tally.established > 0) {
    warnings.emplace_back(
        "the server's process was not found by its listener (another user's process or another "
        "host): name it with --server-pid");
  }
  if (!result.other_listener.empty()) {
    warnings.push_back(fmt::format(
        "--server-pid {}: neither it nor a descendant of it listens at {}, process {} does; the "
        "server's CPU and memory are those of {}",
        *result.options.server_pid, result.target.text(), result.other_listener,
        *result.options.server_pid));
  }
  if (first.time_wait_overflow && grew(first.time_wait_overflow, last.time_wait_overflow) > 0) {
    warnings.push_back(
        fmt::format("{} sockets somewhere on this machine skipped TIME_WAIT: "
                    "net.ipv4.tcp_max_tw_buckets was reached",
                    limits::format_count(grew(first.time_wait_overflow, last.time_wait_overflow))));
  }
  if (tally.verified() == 0) return warnings;  // nothing was measured
  const Costs costs = costs_of(result.moments, result.echoes_between);
  const LoopKind kind = loop_kind(result) == "open"    ? LoopKind::open
                        : loop_kind(result) == "burst" ? LoopKind::burst
                                                       : LoopKind::closed;
  const Measured measured{
      .costs = costs,
      .window = result.moments.end.at - result.moments.begin.at,
      .loop = kind,
      .echo = tally.measured.latency,
      .lateness = tally.lateness,
      .load = result.moments.before.load,
      .processors = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)),
      .away = result.away,
      .measured = result.phases.measured +
                  (result.found ? result.phases.warm_up : std::chrono::nanoseconds{0})};
  for (std::string& warning : warnings_about(measured)) warnings.push_back(std::move(warning));
  return warnings;
}

}  // namespace client
