#include "client/report/present.hpp"

#include <fmt/format.h>

#include <cstring>

#include "client/options/words.hpp"
#include "client/report/text_parts.hpp"
#include "client/result/rate.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

using limits::format_bytes;
using limits::format_count;
using limits::format_duration;

Words words_of(const Result& result) {
  return words_of(result.options.protocol());
}

/// What is sent: "messages of 64 B", "GET /path", "POST /echo, bodies of 64 B".
std::string messages_text(const Options& options) {
  if (options.has_url()) return "GET " + options.target.path;
  std::string size =
      fmt::format("{} B", options.data.empty() ? options.sizes.largest() : options.data.size());
  if (options.data.empty() && options.sizes.varies())
    size = fmt::format("{:.0f} B on average", options.sizes.mean());
  const bool http = options.protocol() == ProtocolName::http;
  return (http ? "POST /echo, bodies of " : "messages of ") + size;
}

std::string load_line(const Result& result) {
  const Options& options = result.options;
  std::string text =
      fmt::format("load       {}, {} loop", name_of(options.mode), name_of(options.loop()));
  if (options.rate > 0) {
    text += fmt::format(" at {:g}/s{}", options.rate, options.poisson ? ", Poisson arrivals" : "");
  }
  text += ": " + messages_text(options);
  if (options.messages_each() > 0)
    text += fmt::format(", {} per connection", format_count(options.messages_each()));
  if (options.depth > 1) text += fmt::format(", {} in flight per connection", options.depth);
  if (options.tables.value_or(1) > 1) {
    text += fmt::format(", {} threads, each with a descriptor table", options.loops());
  } else if (options.threads > 1) {
    text += fmt::format(", {} threads", options.threads);
  }
  if (!options.share.is_whole())
    text += fmt::format(", share {}/{}", options.share.rank, options.share.ranks);
  if (options.repeat > 1) text += fmt::format(", {} rounds", result.rounds.size());
  return text + "\n";
}

std::string traffic_lines(const Result& result) {
  const Tally& tally = result.tally;
  const Phases& phases = result.phases;
  const Throughput& rates = result.throughput;
  const Words words = words_of(result);
  std::string text;
  if (result.options.mode == Mode::churn) {
    text += fmt::format("churn      {} connections in {}: {}/s, at most {} at once\n",
                        format_count(tally.connections_within), format_duration(phases.measured),
                        rate_text(rates.connects.value_or(0)), format_count(result.max_concurrent));
  } else {
    text += fmt::format("ramp       {} connections in {}: {}/s\n", format_count(tally.established),
                        format_duration(phases.ramp), rate_text(rates.connects.value_or(0)));
  }
  if (tally.reconnects > 0) {
    text += fmt::format("reconnects {}: the server closed connections before their next request\n",
                        format_count(tally.reconnects));
  }
  if (result.found) return text;  // trials at several rates: their sum is no throughput
  if (tally.warm_up) {
    text += fmt::format("warm-up    {} {} in {}, not in the figures below\n",
                        format_count(tally.warm_up->verified), words.many,
                        format_duration(phases.warm_up));
  }
  text += fmt::format("{:<10} {} in {}: {}/s, {}/s", words.many, format_count(tally.echoes_within),
                      format_duration(phases.measured), rate_text(rates.echoes.value_or(0)),
                      byte_rate_text(rates.bytes.value_or(0)));
  if (result.options.rate > 0) {
    text += fmt::format("; sent {}, late {}, unsent {}", format_count(tally.measured.sent),
                        format_count(tally.measured.late), format_count(tally.measured.unsent));
  }
  return text + "\n";
}

/// The share of one processor that each side used. If a side is near 100 %, its limit was measured.
std::string busy_line(const Costs& costs) {
  const auto share = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.0f} %", *value * 100) : "-";
  };
  return fmt::format("busy       client {} of one processor, server {} (busiest thread {})\n",
                     share(costs.client_utilisation), share(costs.server_utilisation),
                     share(costs.server_busiest_thread));
}

std::string cost_lines(const Result& result) {
  const Costs& costs = result.costs;
  const Moments& moments = result.moments;
  std::string text =
      fmt::format("CPU        {} per {}: client {}, server {}, softirq {}; unattributed {}\n",
                  microseconds(costs.total_per_echo), words_of(result).one,
                  microseconds(costs.client_per_echo), microseconds(costs.server_per_echo),
                  microseconds(costs.softirq_per_echo), microseconds(costs.unattributed_per_echo));
  text += busy_line(costs);
  text +=
      fmt::format("resident   client {} ({} B per connection), server {} ({} B per connection)\n",
                  or_dash(moments.end.client.peak_rss, format_bytes),
                  or_dash(costs.client_resident, format_count),
                  moments.end.server ? or_dash(moments.end.server->rss, format_bytes) : "-",
                  or_dash(costs.server_resident, format_count));
  const std::string_view ends = result.target.is_loopback() ? ", both ends" : "";
  text += fmt::format(
      "kernel     {} B per connection{}: slab {}, stacks {}, page tables {}, sockets {}, "
      "machine-wide\n",
      or_dash(costs.kernel_per_connection, format_count), ends, or_dash(costs.slab, format_bytes),
      or_dash(costs.kernel_stack, format_bytes), or_dash(costs.page_tables, format_bytes),
      or_dash(costs.socket, format_bytes));
  if (result.options.mode == Mode::churn) {
    text += fmt::format(
        "TIME_WAIT  {} sockets on this machine after the run, {} reused by connects\n",
        or_dash(costs.time_wait, format_count), or_dash(costs.time_wait_recycled, format_count));
    return text;
  }
  text += fmt::format("machine    {} B per connection{}: free memory lost\n",
                      or_dash(costs.total_per_connection, format_count), ends);
  return text;
}

std::string percentile_table(const Result& result) {
  const Tally& tally = result.tally;
  const LoopKind loop = result.options.loop();
  const bool open = loop == LoopKind::open;
  std::string text = "\n" + percentile_heading();
  text += row("connect", tally.connect, "");
  text += row(words_of(result).one, tally.measured.latency,
              open                      ? "open loop: from the due time"
              : loop == LoopKind::burst ? "burst: time to drain it"
                                        : "closed loop: server stalls are undercounted");
  if (open && !result.found) {
    text += row("wire", tally.wire, "from the first byte sent");
    text += row("lateness", tally.lateness, "the client's own delay");
  }
  if (result.options.measures_receive_lateness())
    text += row("receive", tally.receive_lateness, "receive lateness: in the client's sockets");
  if (tally.retransmissions.connections > 0) {
    text += fmt::format("retransmitted: {} segments of the client, on {} connections\n",
                        format_count(tally.retransmissions.segments),
                        format_count(tally.retransmissions.connections));
  }
  if (const std::uint64_t censored = tally.measured.latency.censored(); censored > 0) {
    text += fmt::format("{} messages had no {}; each counts as at least the time it waited\n",
                        format_count(censored), words_of(result).one);
  }
  return text + "\n";
}

std::string failures_text(const Result& result) {
  std::string text;
  for (const auto& [failure, count] : result.tally.failures) {
    text +=
        fmt::format("failed     {} {}, in {}{}\n", name_of(failure.outcome), format_count(count),
                    name_of(failure.phase, words_of(result)),
                    failure.error != 0 ? fmt::format(" ({})", std::strerror(failure.error)) : "");
  }
  if (const auto& first = result.tally.first_mismatch) {
    const auto& wrong = first->mismatch;
    text += fmt::format(
        "mismatch   connection {}, message {}, offset {}: expected 0x{:02x}, got 0x{:02x}",
        first->connection, first->message, wrong.offset, static_cast<unsigned>(wrong.expected),
        static_cast<unsigned>(wrong.got));
    if (wrong.owner) {
      text += fmt::format(", a byte of connection {}, message {}", wrong.owner->connection,
                          wrong.owner->message);
      const Share share = result.options.share;
      if (!share.is_whole())
        text += fmt::format(", rank {}", share.rank_of(wrong.owner->connection));
    }
    text += "\n";
  }
  return text;
}

std::string verdict(const Result& result) {
  const std::string served =
      fmt::format("{} of {} served", format_count(result.tally.count(Outcome::served)),
                  format_count(result.requested));
  switch (result.stop_reason) {
    case StopReason::interrupted:
      return fmt::format("INTERRUPTED: {}", served);
    case StopReason::deadline:
      return fmt::format("DEADLINE after {}: {}", format_duration(result.phases.whole), served);
    case StopReason::server_lost:
      return fmt::format("FAIL: the server was lost; {}", served);
    case StopReason::none:
      break;
  }
  if (result.exit_code == echo::exit_network)
    return fmt::format("FAIL: nothing could connect to {}", target_text(result));
  if (result.exit_code == 0) return "PASS: " + served;
  std::string why;
  if (result.tally.failed() <= result.options.max_errors &&
      result.max_concurrent < result.options.require_conc.value_or(0)) {
    why = fmt::format("; max conc {}, required {}", format_count(result.max_concurrent),
                      format_count(*result.options.require_conc));
  }
  for (const Judgement& judgement : result.judgements) {
    if (judgement.verdict != Verdict::held) why += "; " + text_of(judgement);
  }
  return "FAIL: " + served + why;
}

}  // namespace

std::string text_of(const Result& result) {
  const Tally& tally = result.tally;
  std::string text = fmt::format("Max conc: {}\ntotal: {}\nconc: {}\n", result.max_concurrent,
                                 tally.total, result.open_at_end);
  if (result.options.quiet) return text;
  if (!result.calibration.empty()) return text + calibration_text(result) + verdict(result) + "\n";
  text += fmt::format("\nserver     {}, process {}\n", target_text(result), result.server_name);
  text += load_line(result);
  text += fmt::format("requested  {}: established {}, served {}, failed {}\n",
                      format_count(result.requested), format_count(tally.established),
                      format_count(tally.count(Outcome::served)), format_count(tally.failed()));
  text += failures_text(result);
  if (tally.established > 0) {
    text += traffic_lines(result) + cost_lines(result) + percentile_table(result);
  }
  text += found_text(result) + rounds_text(result);
  for (const Judgement& judgement : result.judgements)
    text += "objective  " + text_of(judgement) + "\n";
  for (const std::string& warning : result.warnings) text += "warning    " + warning + "\n";
  return text + verdict(result) + "\n";
}

}  // namespace client
