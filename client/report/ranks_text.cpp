#include "client/report/ranks_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cctype>
#include <chrono>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "client/report/text_parts.hpp"
#include "echo/output/text_table.hpp"
#include "limits/proc_text.hpp"
#include "limits/quantity.hpp"

namespace client {
namespace {

namespace json = boost::json;
using limits::format_count;
using limits::printable;
using std::chrono::nanoseconds;

constexpr std::size_t most_lines = 16;
constexpr std::size_t first_figure = 1;  ///< behind the host
const std::vector<std::string> heading{"host",    "rank",     "served", "echoes",
                                       "p50",     "p99",      "late",   "CPU/echo",
                                       "busiest", "resident", "clock",  "traffic"};

std::string duration_or_dash(const json::value& ns) {
  if (!ns.is_number()) return "-";
  return limits::format_duration(nanoseconds(ns.to_number<std::int64_t>()));
}

/// "+1000.000123 s, 20 us": ahead of the reference clock by, and the bound of the error.
std::string clock_text(const json::value& clock) {
  if (!clock.is_object()) return "-";
  const auto offset = static_cast<double>(clock.at("offset_ns").to_number<std::int64_t>());
  return fmt::format("{:+.6f} s, {}", offset / 1e9, duration_or_dash(clock.at("bound_ns")));
}

std::vector<std::string> line_of(const json::object& row) {
  const auto count = [&row](const char* key) { return row.at(key).to_number<std::uint64_t>(); };
  const json::value& cpu = row.at("client_ns_per_echo");
  const json::value& busiest = row.at("client_busiest_thread");
  const json::value& resident = row.at("resident");
  return {printable(std::string(row.at("host").as_string())),
          std::to_string(count("rank")),
          fmt::format("{}/{}", format_count(count("served")), format_count(count("requested"))),
          format_count(count("echoes")),
          duration_or_dash(row.at("p50_ns")),
          duration_or_dash(row.at("p99_ns")),
          duration_or_dash(row.at("lateness_p99_ns")),
          cpu.is_number() ? microseconds(cpu.to_number<std::uint64_t>()) : "-",
          busiest.is_number() ? fmt::format("{:.0f} %", 100 * busiest.to_number<double>()) : "-",
          resident.is_number() ? limits::format_bytes(resident.to_number<std::uint64_t>()) : "-",
          clock_text(row.at("clock_before")),
          duration_or_dash(row.at("traffic_late_ns"))};
}

/// CPU per echo over all ranks, weighted by their echoes, and their memory; "" if one is unknown.
std::string text_of_all(const json::array& rows) {
  double cpu = 0;
  double echoes = 0;
  std::uint64_t resident = 0;
  for (const json::value& row : rows) {
    const json::value& ns = row.at("client_ns_per_echo");
    const json::value& bytes = row.at("resident");
    if (!ns.is_number() || !bytes.is_number()) return "";
    const auto weight = row.at("echoes").to_number<double>();
    cpu += ns.to_number<double>() * weight;
    echoes += weight;
    resident += bytes.to_number<std::uint64_t>();
  }
  if (echoes == 0) return "";
  return fmt::format("clients    {} of CPU per echo, resident {} in all\n",
                     microseconds(static_cast<std::uint64_t>(cpu / echoes)),
                     limits::format_bytes(resident));
}

/// How far apart the ranks began their traffic, and how exactly that is known: the widest bounds of
/// two. "" if it is not known of all.
std::string text_of_begin(const json::array& rows) {
  std::vector<std::int64_t> begun;
  std::vector<std::int64_t> bounds;
  for (const json::value& row : rows) {
    const json::value& one = row.at("traffic_begun");
    if (!one.is_object()) return "";
    begun.push_back(one.at("reference_ns").to_number<std::int64_t>());
    bounds.push_back(one.at("bound_ns").to_number<std::int64_t>());
  }
  if (begun.size() < 2) return "";
  const auto [first, last] = std::minmax_element(begun.begin(), begun.end());
  std::sort(bounds.rbegin(), bounds.rend());
  return fmt::format("begun      all within {} of each other, known to {}\n",
                     limits::format_duration(nanoseconds(*last - *first)),
                     limits::format_duration(nanoseconds(bounds[0] + bounds[1])));
}

/// What several ranks can have in common: the warning of one, without its name and its numbers. A
/// warning that no rank gave is only itself.
std::string kind_of(const std::string& warning) {
  const std::size_t name = warning.starts_with("rank ") ? warning.find("): ") : std::string::npos;
  if (name == std::string::npos) return warning;
  std::string kind = warning.substr(name);
  kind.erase(
      std::remove_if(kind.begin(), kind.end(),
                     [](unsigned char c) { return std::isdigit(c) || c == '.' || c == ','; }),
      kind.end());
  return kind;
}

}  // namespace

std::string text_of_mismatch(const RunDocument& merged) {
  const std::string first = "/echoes/first_mismatch";
  if (!merged.at("/ranks").is_array() || !merged.at(first).is_object()) return "";
  const std::uint64_t ranks = merged.array("/ranks").size() + merged.array("/missing").size();
  const auto connection = [&merged, ranks](const std::string& pointer) {
    const std::uint64_t number = merged.count(pointer + "/connection");
    std::string host = "host not known";
    for (const char* list : {"/ranks", "/missing"}) {
      for (const json::value& row : merged.array(list)) {
        const json::value& name = row.at("host");
        if (row.at("rank").to_number<std::uint64_t>() == number % ranks && name.is_string())
          host = printable(std::string(name.as_string()));
      }
    }
    return fmt::format("connection {} (rank {}, {}), message {}", number, number % ranks, host,
                       merged.count(pointer + "/message"));
  };
  std::string text = fmt::format("mismatch   {}, offset {}: expected 0x{:02x}, got 0x{:02x}",
                                 connection(first), merged.count(first + "/offset"),
                                 merged.count(first + "/expected"), merged.count(first + "/got"));
  if (merged.at(first + "/owner").is_object())
    text += ", a byte of " + connection(first + "/owner");
  return text + "\n";
}

std::string text_of_warnings(const RunDocument& merged) {
  const bool fleet = merged.at("/ranks").is_array();
  std::vector<std::pair<std::string, std::uint64_t>> lines;  // and how many more are of its kind
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < merged.array("/warnings").size(); ++i) {
    const std::string warning = printable(merged.text(fmt::format("/warnings/{}", i)));
    const auto [place, is_new] =
        places.emplace(fleet ? kind_of(warning) : std::to_string(i), lines.size());
    if (is_new) {
      lines.emplace_back(warning, 0);
    } else {
      ++lines[place->second].second;
    }
  }
  std::string text;
  for (const auto& [line, more] : lines) {
    text += "warning    " + line;
    if (more > 0) text += fmt::format(" (so {} more rank{})", more, more == 1 ? "" : "s");
    text += '\n';
  }
  return text;
}

std::string text_of_ranks(const RunDocument& merged) {
  if (!merged.at("/ranks").is_array()) return "";
  const json::array& rows = merged.array("/ranks");
  std::vector<const json::object*> shown;
  for (const json::value& row : rows) shown.push_back(&row.as_object());
  if (shown.size() > most_lines) {
    const auto badness = [](const json::object* row) {
      const auto figure = [row](const char* name) {
        const json::value& value = row->at(name);
        return value.is_number() ? value.to_number<std::int64_t>() : 0;
      };
      return std::pair(figure("failed") > 0, figure("p99_ns"));
    };
    std::stable_sort(shown.begin(), shown.end(),
                     [&badness](const auto* a, const auto* b) { return badness(a) > badness(b); });
    shown.resize(most_lines);
  }
  echo::TextRows lines{heading};
  for (const json::object* row : shown) lines.push_back(line_of(*row));
  std::string text = text_of_all(rows) + text_of_begin(rows) + "\n" +
                     echo::aligned(lines, first_figure, heading.size() - 1);
  if (shown.size() < rows.size()) {
    text += fmt::format("{} of {} ranks: those with failures, then by p99; all: --json\n",
                        shown.size(), rows.size());
  }
  return text + "\n";
}

}  // namespace client
