// Quantities as people type them and read them: counts, sizes, durations.
//
// Counts take decimal suffixes (10k = 10,000), sizes binary ones (64K = 65,536), either case; a
// bare duration is seconds. The parsers are strict: no sign, no blank, no rest, no overflow, since
// a load tool that reads "9E" as 9 measures something else than was asked. Each error says what is
// allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace limits {

/// Digits, then nothing, k (1,000) or M (1,000,000): "10000", "10k", "1M". Zero is a count.
/// Throws std::invalid_argument that says what was given and what is allowed.
std::uint64_t parse_count(std::string_view text);

/// Bytes: digits, then nothing, K, M, G or T (powers of 1,024): "64", "64K", "8m".
/// Throws std::invalid_argument that says what was given and what is allowed.
std::uint64_t parse_size(std::string_view text);

/// Digits with an optional fraction, then nothing (seconds), ns, us, ms, s, m or h: "5s", "0.5s",
/// "250ms", "2m", "10". What is finer than a nanosecond is cut off.
/// Throws std::invalid_argument that says what was given and what is allowed.
std::chrono::nanoseconds parse_duration(std::string_view text);

/// Thousands separators, every digit kept: "10,000".
std::string format_count(std::uint64_t count);
/// Three significant digits at most, binary units: "512 B", "64 KiB", "23.3 GiB".
std::string format_bytes(std::uint64_t bytes);
/// Three significant digits at most below a minute ("50 us", "1.25 s"), then "1m 30s", "2h 5m".
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace limits
