#include "client/findings/run_warnings.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

#include "client/findings/check_warnings.hpp"
#include "client/findings/warnings.hpp"
#include "client/result/rate.hpp"
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
  // Of a fleet: its other clients.
  if (others == 0 || !result.options.share.is_whole()) return std::nullopt;
  return fmt::format(
      "the server has {} connections of other clients: its CPU per {} and its memory per "
      "connection cannot be told (-), and the load is not this client's alone",
      limits::format_count(others), words_of(result.options.protocol()).one);
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
      limits::format_count(late), byte_rate_text(result.throughput.bytes.value_or(0)),
      limits::format_duration(result.options.timeout));
}

std::optional<std::string> other_protocol(const Result& result) {
  const std::string_view protocol = result.tally.protocol;
  if (protocol.empty()) return std::nullopt;
  const std::string target = result.target.text();
  if (protocol == "echo") {
    return fmt::format("{} sends back what it gets, as an echo server does: `client {}` loads it",
                       target, target);
  }
  if (result.options.protocol() == ProtocolName::http) {
    return fmt::format(
        "{} answers as a server of {}, by its first bytes: it does not speak "
        "HTTP/1.1",
        target, protocol);
  }
  return fmt::format(
      "{} answers as a server of {}, by its first bytes: it does not echo{}", target, protocol,
      protocol == "HTTP" ? fmt::format("; `client http://{}/` loads it", target) : "");
}

std::optional<std::string> no_response(const Result& result) {
  const std::optional<FirstFault>& first = result.tally.first_fault;
  if (!first) return std::nullopt;
  return fmt::format("parse_error: the first, on connection {}, message {}: {}", first->connection,
                     first->message, first->what);
}

std::optional<std::string> stale_connections(const Result& result) {
  const std::uint64_t count = result.tally.count(Outcome::stale_connection);
  if (count == 0) return std::nullopt;
  return fmt::format(
      "stale_connection: the server closed {} connections just as a request went out: its "
      "keep-alive timeout is near the pause between two requests of a connection, or it closes "
      "without saying so (Connection: close)",
      limits::format_count(count));
}

/// In hold and stream a connection gets another socket, but not while it is to rest.
std::optional<std::string> closed_by_server(const Result& result) {
  const std::uint64_t count = result.tally.count(Outcome::closed_by_server);
  if (count == 0) return std::nullopt;
  const bool churn = result.options.mode == Mode::churn;
  return fmt::format(
      "closed_by_server: the server ended {} connections before their plan was complete: {}",
      limits::format_count(count),
      churn ? "it answers fewer requests than -m on each; use a smaller -m, or --mode stream, "
              "which reconnects"
            : "it closes idle ones sooner than -d");
}

/// What a user can do when all local ports towards the target are taken.
std::string ports_advice(const Result& result) {
  const bool churn = result.options.mode == Mode::churn;
  if (result.target.family() == AF_INET6 && result.target.is_loopback())
    return "::1 has no other source addresses: use 127.0.0.1, which has 127/8";
  std::string advice = "give more addresses (--source)";
  const bool may_have_ports = result.options.protocol() == ProtocolName::echo;
  if (may_have_ports && result.options.sources.empty() && result.target.is_loopback())
    advice = "let the server listen on several ports and name them (HOST:PORT-PORT)";
  advice += ", widen net.ipv4.ip_local_port_range";
  return advice + (churn ? ", or close without TIME_WAIT (--linger-reset)"
                         : ", or wait 60 s for TIME_WAIT to drain");
}

/// Each resource of this machine that ran out, by errno.
std::vector<std::string> local_limits(const Result& result) {
  std::uint64_t ports = 0;
  std::uint64_t watches = 0;
  std::uint64_t others = 0;
  for (const auto& [failure, count] : result.tally.failures) {
    if (failure.outcome != Outcome::local_limit) continue;
    (failure.error == EADDRNOTAVAIL ? ports : failure.error == ENOSPC ? watches : others) += count;
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
  if (watches > 0) {
    warnings.push_back(
        fmt::format("local_limit: {} connections got no epoll watch; raise "
                    "fs.epoll.max_user_watches, which counts those of both ends of one user",
                    limits::format_count(watches)));
  }
  if (others > 0) {
    warnings.push_back(
        fmt::format("local_limit: this machine ran out of a resource (see errno); `limits -n {}` "
                    "names it and the command that raises it",
                    result.options.connections));
  }
  return warnings;
}

std::optional<std::string> short_of_memory(const Result& result) {
  if (!result.short_of_memory_at || result.tally.count(Outcome::not_attempted) == 0)
    return std::nullopt;
  return fmt::format(
      "only {} of {} connections were opened: {} of memory were free, less than --keep-free {}",
      limits::format_count(result.tally.total), limits::format_count(result.options.connections),
      limits::format_bytes(*result.short_of_memory_at),
      limits::format_bytes(result.options.keep_free));
}

/// Segments that were lost, or that the kernel took for lost.
std::optional<std::string> retransmissions(const Result& result) {
  const Retransmissions& again = result.tally.retransmissions;
  if (again.segments == 0) return std::nullopt;
  return fmt::format(
      "{} segments of this client were retransmitted ({} connections looked at): their {} may have "
      "waited for the network, 200 ms or more where a timer had to send them, and not for client "
      "or server",
      limits::format_count(again.segments), limits::format_count(again.connections),
      words_of(result.options.protocol()).many);
}

std::optional<std::string> late_resets(const Result& result) {
  if (result.tally.late_resets == 0) return std::nullopt;
  return fmt::format(
      "late_reset: {} connections were reset after their last {}; they count as served",
      limits::format_count(result.tally.late_resets), words_of(result.options.protocol()).one);
}

std::optional<std::string> other_ranks(const Result& result) {
  if (!result.rank || result.rank->warning.empty()) return std::nullopt;
  return result.rank->warning;
}

std::optional<std::string> unknown_server(const Result& result) {
  if (result.options.server_pid || result.server_is_known || result.tally.established == 0)
    return std::nullopt;
  return "the server's process was not found by its listener (another user's process or another "
         "host): name it with --server-pid";
}

std::optional<std::string> other_listener(const Result& result) {
  if (result.other_listener.empty()) return std::nullopt;
  return fmt::format(
      "--server-pid {}: neither it nor a descendant of it listens at {}, process {} does; the "
      "server's CPU and memory are those of {}",
      *result.options.server_pid, result.target.text(), result.other_listener,
      *result.options.server_pid);
}

std::optional<std::string> skipped_time_wait(const Result& result) {
  const std::uint64_t skipped = grew(result.moments.before.tcp.time_wait_overflow,
                                     result.moments.after.tcp.time_wait_overflow);
  if (skipped == 0) return std::nullopt;
  return fmt::format(
      "{} sockets somewhere on this machine skipped TIME_WAIT: net.ipv4.tcp_max_tw_buckets was "
      "reached",
      limits::format_count(skipped));
}

Measured measured_in(const Result& result) {
  return {.costs = result.costs,
          .window = result.moments.end.at - result.moments.begin.at,
          .loop = result.options.loop(),
          .echo = result.tally.measured.latency,
          .lateness = result.tally.lateness,
          .receive_lateness = result.tally.receive_lateness,
          .load = result.moments.before.load,
          .processors = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)),
          .away = result.away,
          .measured = result.phases.measured +
                      (result.found ? result.phases.warm_up : std::chrono::nanoseconds{0}),
          .words = words_of(result.options.protocol())};
}

}  // namespace

std::vector<std::string> warnings_of(const Result& result) {
  std::vector<std::string> warnings;
  const auto add = [&](std::optional<std::string> (*judge)(const Result&)) {
    if (std::optional<std::string> warning = judge(result)) warnings.push_back(std::move(*warning));
  };
  const auto add_all = [&warnings](std::vector<std::string> several) {
    for (std::string& warning : several) warnings.push_back(std::move(warning));
  };
  if (!result.lost_status_lines.empty()) warnings.push_back(result.lost_status_lines);
  for (const auto judge : {other_ranks, short_of_memory, accept_queue, other_connections,
                           slow_connects, retransmissions, late_resets, large_messages,
                           other_protocol, no_response, stale_connections, closed_by_server}) {
    add(judge);
  }
  add_all(local_limits(result));
  for (const auto judge : {unknown_server, other_listener, skipped_time_wait}) add(judge);
  const bool nothing_was_measured = result.tally.verified() == 0;
  if (!nothing_was_measured) add_all(warnings_about(measured_in(result)));
  add_all(warnings_of_checks(result.checks, words_of(result.options.protocol())));
  return warnings;
}

}  // namespace client
