// The text of a /proc, /sys or cgroup file, and the figures in it.
//
// Such files have no size and change between two reads. Each is therefore read whole and then
// parsed as text; streams would cost more than the kernel does. A missing figure is nullopt, never
// 0.
//
// Such text, and any other that another program, file or user supplies, may hold any byte.
// printable() and valid_utf8() make it fit for a terminal and for a JSON document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace limits {

/// The whole file, or nullopt when it cannot be opened or read.
std::optional<std::string> read_text(const std::filesystem::path& path);

/// The decimal integer at the start of `text`, after blanks and tabs; nullopt when there is none.
std::optional<std::uint64_t> leading_number(std::string_view text);

/// The rest of the first line that begins with `key` ("VmRSS:" gives "\t  1668 kB").
std::optional<std::string_view> line_after(std::string_view text, std::string_view key);

/// The integer after `key` (see line_after), as it is in the file.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key);

/// The same for a figure in kB, in bytes.
std::optional<std::uint64_t> kilobytes_after(std::string_view text, std::string_view key);

/// The integer after `name` on the line that begins with `key` ("TCP: inuse 1 orphan 0 mem 198").
std::optional<std::uint64_t> named_number(std::string_view text, std::string_view key,
                                          std::string_view name);

/// The integer below `name`, where a line of names and then a line of values begin with `key`, as
/// in /proc/net/netstat.
std::optional<std::uint64_t> paired_number(std::string_view text, std::string_view key,
                                           std::string_view name);

/// Removes and returns the next word of `text`; `separators` are the characters between words.
/// Empty at the end.
std::string_view next_word(std::string_view& text, std::string_view separators = " \t\n");

/// Removes and returns the next line of `text`, without its newline. Empty at the end and for an
/// empty line.
std::string_view next_line(std::string_view& text);

/// `text` as one line for a terminal. Characters that control a terminal or the order of its line
/// (C0, DEL, C1, line separators, bidirectional controls) and bytes that are no UTF-8 become
/// "\x1b" or "\u202e"; everything else stays.
std::string printable(std::string_view text);

/// `text` with each byte that is no part of UTF-8 replaced by U+FFFD. JSON allows no other encoding
/// (RFC 8259, section 8.1).
std::string valid_utf8(std::string_view text);

}  // namespace limits
