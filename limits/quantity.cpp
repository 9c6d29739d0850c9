// Strict parsers and plain formatters for counts, sizes and durations; see quantity.hpp.
//
// All arithmetic is on integers (std::from_chars, checked for overflow): a double would change
// 2^53+1 to another number and accept "1e3" as a count.
#include "limits/quantity.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>
#include <span>
#include <stdexcept>

namespace limits {
namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array count_units{Unit{"", 1}, Unit{"k", 1'000}, Unit{"m", 1'000'000}};
constexpr std::array size_units{Unit{"", 1}, Unit{"k", 1ULL << 10}, Unit{"m", 1ULL << 20},
                                Unit{"g", 1ULL << 30}, Unit{"t", 1ULL << 40}};
constexpr std::array duration_units{Unit{"", 1'000'000'000},
                                    Unit{"ns", 1},
                                    Unit{"us", 1'000},
                                    Unit{"ms", 1'000'000},
                                    Unit{"s", 1'000'000'000},
                                    Unit{"m", 60'000'000'000},
                                    Unit{"h", 3'600'000'000'000},
                                    Unit{"d", 86'400'000'000'000}};

constexpr std::string_view count_allowed =
    "a count: digits, then nothing, k (1,000) or M (1,000,000), as in 10000, 10k or 1M";
constexpr std::string_view size_allowed =
    "a size in bytes: digits, then nothing, K, M, G or T (powers of 1,024), as in 65536, 64K or 8M";
constexpr std::string_view duration_allowed =
    "a duration: digits with an optional fraction, then nothing (seconds), ns, us, ms, s, m, h or "
    "d, as in 5s, 0.5s, 250ms or 2m; several, the largest unit first, as in 1h30m";

[[noreturn]] void refuse(std::string_view text, std::string_view allowed, const char* why = "") {
  std::string given;  // stays one line for any bytes
  for (const char c : text.substr(0, 64)) given += (c >= ' ' && c != '\x7f') ? c : '?';
  throw std::invalid_argument("\"" + given + "\" is " + why + "not " + std::string(allowed));
}

bool same_ignoring_case(std::string_view typed, std::string_view lower) {
  if (typed.size() != lower.size()) return false;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    const char c = typed[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lower[i]) return false;
  }
  return true;
}

const Unit* find_unit(std::string_view suffix, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (same_ignoring_case(suffix, unit.suffix)) return &unit;
  }
  return nullptr;
}

/// Removes and returns the leading digits of `text`. None, or too many for 64 bits: an error.
std::uint64_t take_digits(std::string_view& text, std::string_view whole,
                          std::string_view allowed) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) refuse(whole, allowed, "too large, ");
  if (error != std::errc{}) refuse(whole, allowed);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::uint64_t parse_whole(std::string_view text, std::span<const Unit> units,
                          std::string_view allowed) {
  std::string_view rest = text;
  const std::uint64_t value = take_digits(rest, text, allowed);
  const Unit* unit = find_unit(rest, units);
  if (unit == nullptr) refuse(text, allowed);
  if (value > largest / unit->factor) refuse(text, allowed, "too large, ");
  return value * unit->factor;
}

/// One number of a duration and its unit: "1h" of "1h30m".
struct DurationPart {
  std::uint64_t nanoseconds;
  const Unit* unit;
  bool has_fraction;
};

/// Removes and returns the first part of `text`. `whole`: the duration as given, for the error.
DurationPart take_duration_part(std::string_view& text, std::string_view whole) {
  constexpr std::string_view digits = "0123456789";
  const std::uint64_t number = take_digits(text, whole, duration_allowed);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = text.substr(0, std::min(text.find_first_not_of(digits), text.size()));
    if (fraction.empty()) refuse(whole, duration_allowed);
    text.remove_prefix(fraction.size());
  }
  const std::size_t unit_length = std::min(text.find_first_of(digits), text.size());
  const Unit* unit = find_unit(text.substr(0, unit_length), duration_units);
  if (unit == nullptr) refuse(whole, duration_allowed);
  text.remove_prefix(unit_length);

  constexpr auto most = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
  if (number > most / unit->factor) refuse(whole, duration_allowed, "too large, ");
  // From the last digit to the first: the nested floors stay exact for a fraction of any length.
  std::uint64_t part = 0;
  // NOLINTNEXTLINE(modernize-loop-convert): clang 14 cannot compile views::reverse
  for (auto digit = fraction.rbegin(); digit != fraction.rend(); ++digit) {
    part = (part + unit->factor * static_cast<std::uint64_t>(*digit - '0')) / 10;
  }
  return {number * unit->factor + part, unit, !fraction.empty()};
}

/// At most three significant digits, no trailing zeros: 1.25, 23.3, 512.
std::string three_digits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  std::string text = buffer.data();
  if (decimals > 0) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string two_parts(std::uint64_t first, const char* first_unit, std::uint64_t second,
                      const char* second_unit) {
  std::string text = format_count(first) + first_unit;
  if (second > 0) text.append(" ").append(std::to_string(second)).append(second_unit);
  return text;
}

}  // namespace

std::uint64_t parse_count(std::string_view text) {
  return parse_whole(text, count_units, count_allowed);
}

std::uint64_t parse_size(std::string_view text) {
  return parse_whole(text, size_units, size_allowed);
}

std::chrono::nanoseconds parse_duration(std::string_view text) {
  constexpr auto most = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
  std::uint64_t nanoseconds = 0;
  std::uint64_t last_factor = largest;
  std::string_view rest = text;
  do {
    const bool first = rest.size() == text.size();
    const DurationPart part = take_duration_part(rest, text);
    const bool needs_unit = !first || !rest.empty();
    const bool in_order = part.unit->factor < last_factor;
    if (!in_order || (needs_unit && part.unit->suffix.empty()) ||
        (part.has_fraction && !rest.empty())) {
      refuse(text, duration_allowed);
    }
    last_factor = part.unit->factor;
    if (part.nanoseconds > most - nanoseconds) refuse(text, duration_allowed, "too large, ");
    nanoseconds += part.nanoseconds;
  } while (!rest.empty());
  return std::chrono::nanoseconds{static_cast<std::int64_t>(nanoseconds)};
}

std::string format_count(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array units{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1023.5 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return three_digits(value) + units[unit];
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const bool negative = duration.count() < 0;
  const auto count = static_cast<std::uint64_t>(duration.count());
  const std::uint64_t ns = negative ? 0 - count : count;
  const std::string sign = negative ? "-" : "";
  constexpr std::uint64_t second = 1'000'000'000;
  if (ns >= 59'950'000'000) {
    const std::uint64_t seconds = (ns + second / 2) / second;
    if (seconds < 3600) return sign + two_parts(seconds / 60, "m", seconds % 60, "s");
    const std::uint64_t minutes = (seconds + 30) / 60;
    return sign + two_parts(minutes / 60, "h", minutes % 60, "m");
  }
  constexpr std::array units{" ns", " us", " ms", " s"};
  auto value = static_cast<double>(ns);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return sign + three_digits(value) + units[unit];
}

}  // namespace limits
