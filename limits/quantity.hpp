// Quantities as users type and read them: counts, sizes, durations.
//
// Counts have decimal suffixes (10k = 10,000), sizes binary ones (64K = 65,536), in either case. A
// bare duration is in seconds. The parsers are strict: no sign, no blank, no trailing text, no
// overflow. A load tool that reads "9E" as 9 measures something that the user did not request. Each
// error states what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace limits {

/// Digits, then nothing, k (1,000) or M (1,000,000): "10000", "10k", "1M". Zero is a count.
/// Throws std::invalid_argument with the given text and what is allowed.
std::uint64_t parse_count(std::string_view text);

/// Bytes: digits, then nothing, K, M, G or T (powers of 1,024): "64", "64K", "8m".
/// Throws std::invalid_argument with the given text and what is allowed.
std::uint64_t parse_size(std::string_view text);

/// Digits with an optional fraction, then nothing (seconds), ns, us, ms, s, m, h or d: "5s",
/// "0.5s", "250ms", "2m", "10". Several parts are added, the largest unit first, a fraction only in
/// the last: "1h30m", "1m30s". Fractions of a nanosecond are cut off.
/// Throws std::invalid_argument with the given text and what is allowed.
std::chrono::nanoseconds parse_duration(std::string_view text);

/// With thousands separators and all digits: "10,000".
std::string format_count(std::uint64_t count);
/// At most three significant digits, binary units: "512 B", "64 KiB", "23.3 GiB".
std::string format_bytes(std::uint64_t bytes);
/// At most three significant digits below a minute ("50 us", "1.25 s"), then "1m 30s", "2h 5m".
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace limits
