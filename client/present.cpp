#include "client/present.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstring>

#include "client/books.hpp"
#include "echo/exit_code.hpp"
#include "echo/report.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

namespace json = boost::json;
using limits::format_bytes;
using limits::format_count;
using limits::format_duration;

std::string or_dash(const std::optional<std::uint64_t>& value,
                    std::string (*format)(std::uint64_t)) {
  return value ? format(*value) : "-";
}

std::string microseconds(const std::optional<std::uint64_t>& ns) {
  return ns ? fmt::format("{:.2f} us", static_cast<double>(*ns) / 1e3) : "-";
}

double per_second(std::uint64_t count, Nanoseconds time) {
  return time.count() > 0 ? static_cast<double>(count) * 1e9 / static_cast<double>(time.count())
                          : 0;
}

std::string spread(const echo::Histogram& histogram) {
  if (histogram.count() == 0) return "-";
  return fmt::format(
      "p50 {}, p99 {}, max {}", echo::text_of(histogram.percentile(50)),
      echo::text_of(histogram.percentile(99)),
      (histogram.censored() > 0 ? ">= " : "") + format_duration(Nanoseconds(histogram.max())));
}

/// "burst": drained as fast as it goes; "open": messages are due on a schedule.
std::string_view loop_kind(const Result& result) {
  return result.options.rate > 0 ? "open" : "burst";
}

std::string echo_line(const Result& result) {
  const Tally& tally = result.tally;
  const std::size_t size =
      result.options.data.empty() ? result.options.size : result.options.data.size();
  const std::string what =
      result.options.rate > 0
          ? fmt::format("{} echoes of {} B, open loop at {:g}/s, from when each was due",
                        format_count(tally.verified), size, result.options.rate)
          : fmt::format("{} echoes of {} B, a burst drained in {}", format_count(tally.verified),
                        size, format_duration(result.echo));
  return fmt::format("echo       {}: {}\n", what, spread(tally.echo));
}

std::string failures_text(const Result& result) {
  std::string text;
  for (const auto& [failure, count] : result.tally.failures) {
    text +=
        fmt::format("failed     {} {}, in {}{}\n", name_of(failure.outcome), format_count(count),
                    name_of(failure.phase),
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
    }
    text += "\n";
  }
  return text;
}

std::string verdict(const Result& result) {
  const int code = exit_code_of(result);
  const std::string served =
      fmt::format("{} of {} served", format_count(result.tally.count(Outcome::served)),
                  format_count(result.options.connections));
  switch (result.cut) {
    case Cut::interrupted:
      return fmt::format("INTERRUPTED: {}", served);
    case Cut::deadline:
      return fmt::format("DEADLINE after {}: {}", format_duration(result.whole), served);
    case Cut::server_lost:
      return fmt::format("FAIL: the server was lost; {}", served);
    case Cut::none:
      break;
  }
  if (code == echo::exit_network)
    return fmt::format("FAIL: nothing could connect to {}", result.target.text());
  return (code == 0 ? "PASS: " : "FAIL: ") + served;
}

std::string_view status_of(int code) {
  if (code == echo::exit_pass) return "pass";
  return code >= echo::exit_signal ? "interrupted" : "fail";
}

json::object machine_json(const Books& books) {
  return json::object{{"slab", echo::to_json(books.slab)},
                      {"kernel_stack", echo::to_json(books.kernel_stack)},
                      {"page_tables", echo::to_json(books.page_tables)},
                      {"socket", echo::to_json(books.socket)},
                      {"anon", echo::to_json(books.anon)},
                      {"total", echo::to_json(books.total)},
                      {"per_connection", echo::to_json(books.kernel_per_connection)},
                      {"total_per_connection", echo::to_json(books.total_per_connection)}};
}

json::object connections_json(const Result& result) {
  const Tally& tally = result.tally;
  json::object failed;
  json::array errors;
  for (const auto& [failure, count] : tally.failures) {
    auto& sum = failed[name_of(failure.outcome)];
    sum = (sum.is_uint64() ? sum.as_uint64() : 0) + count;
    errors.push_back(json::object{{"cause", name_of(failure.outcome)},
                                  {"phase", name_of(failure.phase)},
                                  {"errno", failure.error},
                                  {"count", count}});
  }
  return json::object{{"requested", result.options.connections},
                      {"established", tally.established},
                      {"served", tally.count(Outcome::served)},
                      {"max_concurrent", tally.max_concurrent},
                      {"total", tally.total},
                      {"open_at_end", tally.open},
                      {"slow", tally.slow_connects},
                      {"failed", failed},
                      {"errors", errors}};
}

json::object echoes_json(const Result& result) {
  json::value first = nullptr;
  if (const auto& mismatch = result.tally.first_mismatch) {
    json::object owner;
    if (mismatch->mismatch.owner) {
      owner = {{"connection", mismatch->mismatch.owner->connection},
               {"message", mismatch->mismatch.owner->message}};
    }
    first = json::object{{"connection", mismatch->connection},
                         {"message", mismatch->message},
                         {"offset", mismatch->mismatch.offset},
                         {"expected", static_cast<unsigned>(mismatch->mismatch.expected)},
                         {"got", static_cast<unsigned>(mismatch->mismatch.got)},
                         {"owner", owner.empty() ? json::value(nullptr) : json::value(owner)}};
  }
  return json::object{{"sent", result.tally.sent},
                      {"verified", result.tally.verified},
                      {"bytes_verified", result.tally.bytes_verified},
                      {"first_mismatch", first}};
}

}  // namespace

std::string text_of(const Result& result) {
  const Tally& tally = result.tally;
  std::string text = fmt::format("Max conc: {}\ntotal: {}\nconc: {}\n", tally.max_concurrent,
                                 tally.total, tally.open);
  if (result.options.quiet) return text;
  const Books books = books_of(result.moments, result.echoes_within);
  text += fmt::format("\nserver     {}, process {}\n", result.target.text(), result.server_name);
  text += fmt::format("requested  {}: established {}, served {}, failed {}\n",
                      format_count(result.options.connections), format_count(tally.established),
                      format_count(tally.count(Outcome::served)), format_count(tally.failed()));
  text += failures_text(result);
  if (tally.established > 0) {
    text += fmt::format("connect    all in {} ({:.0f}/s): {}\n", format_duration(result.ramp),
                        per_second(tally.established, result.ramp), spread(tally.connect));
    text += echo_line(result);
    text +=
        fmt::format("CPU        {} an echo: client {}, server {}, softirq {}; unattributed {}\n",
                    microseconds(books.total_per_echo), microseconds(books.client_per_echo),
                    microseconds(books.server_per_echo), microseconds(books.softirq_per_echo),
                    microseconds(books.unattributed_per_echo));
    text += fmt::format(
        "resident   client {} ({} B a connection), server {} ({} B a connection)\n",
        or_dash(result.moments.end.client.peak_rss, format_bytes),
        or_dash(books.client_resident, format_count),
        result.moments.end.server ? or_dash(result.moments.end.server->rss, format_bytes) : "-",
        or_dash(books.server_resident, format_count));
    const std::string_view ends = result.target.is_loopback() ? ", both ends" : "";
    text += fmt::format(
        "kernel     {} B a connection{}: slab {}, stacks {}, page tables {}, sockets {}\n",
        or_dash(books.kernel_per_connection, format_count), ends, or_dash(books.slab, format_bytes),
        or_dash(books.kernel_stack, format_bytes), or_dash(books.page_tables, format_bytes),
        or_dash(books.socket, format_bytes));
    text += fmt::format("machine    {} B a connection{}: free memory lost in all\n",
                        or_dash(books.total_per_connection, format_count), ends);
  }
  for (const std::string& warning : warnings_of(result)) text += "warning    " + warning + "\n";
  return text + verdict(result) + "\n";
}

json::value json_of(const Result& result) {
  const Tally& tally = result.tally;
  const Books books = books_of(result.moments, result.echoes_within);
  const int code = exit_code_of(result);
  json::array argv{"client"};
  for (const std::string& argument : result.arguments) argv.emplace_back(argument);
  json::array warnings;
  for (const std::string& warning : warnings_of(result)) warnings.emplace_back(warning);
  const bool paced = result.options.rate > 0;
  json::value server = nullptr;
  if (result.moments.end.server)
    server = echo::to_json(*result.moments.end.server, books.server_resident);
  const auto rate = [](double value) { return json::value(std::round(value)); };
  return json::object{
      {"schema", echo::schema_name},
      {"program", "client"},
      {"status", status_of(code)},
      {"exit_code", code},
      {"argv", argv},
      {"options", result.shown_options},
      {"target", result.target.text()},
      {"sources", result.sources},
      {"connections", connections_json(result)},
      {"echoes", echoes_json(result)},
      {"phases", json::object{{"ramp_ns", result.ramp.count()},
                              {"echo_ns", result.echo.count()},
                              {"drain_ns", result.drain.count()},
                              {"whole_ns", result.whole.count()}}},
      {"throughput",
       json::object{{"echoes_per_s", rate(per_second(tally.verified, result.echo))},
                    {"bytes_per_s", rate(per_second(tally.bytes_verified, result.echo))},
                    {"connects_per_s", rate(per_second(tally.established, result.ramp))}}},
      {"latency",
       json::object{{"loop", loop_kind(result)},
                    {"connect", echo::to_json(tally.connect)},
                    {"echo", echo::to_json(tally.echo)},
                    {"wire", paced ? echo::to_json(tally.wire) : json::value(nullptr)},
                    {"lateness", paced ? echo::to_json(tally.lateness) : json::value(nullptr)},
                    {"censored", tally.echo.censored()}}},
      {"memory",
       json::object{{"client", echo::to_json(result.moments.end.client, books.client_resident)},
                    {"server", server},
                    {"machine", machine_json(books)}}},
      {"cpu",
       json::object{{"total_ns_per_echo", echo::to_json(books.total_per_echo)},
                    {"client_ns_per_echo", echo::to_json(books.client_per_echo)},
                    {"server_ns_per_echo", echo::to_json(books.server_per_echo)},
                    {"softirq_ns_per_echo", echo::to_json(books.softirq_per_echo)},
                    {"unattributed_ns_per_echo", echo::to_json(books.unattributed_per_echo)}}},
      {"kernel",
       json::object{{"listen_overflows", echo::to_json(books.listen_overflows)},
                    {"listen_drops", echo::to_json(books.listen_drops)},
                    {"retransmitted_segments", echo::to_json(books.retransmitted_segments)},
                    {"syn_cookies_sent", echo::to_json(books.syn_cookies_sent)}}},
      {"environment", echo::environment()},
      {"warnings", warnings}};
}

}  // namespace client
