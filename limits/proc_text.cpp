// Reads kernel text files; see proc_text.hpp.
#include "limits/proc_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

namespace limits {
namespace {

/// A character of UTF-8: its code, and its bytes; 0 bytes where none begins.
struct Character {
  std::uint32_t code;
  std::size_t length;
};

/// The first character of `text`, which is not empty. Strict: no overlong form, no surrogate,
/// nothing above U+10FFFF (RFC 3629).
Character first_character(std::string_view text) {
  const auto byte = [text](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {0, 0};
  std::uint32_t code = lead & (0x7fU >> length);
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xc0U) != 0x80U) return {0, 0};
    code = code << 6U | (byte(at) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (code < least.at(length) || surrogate || code > 0x10ffff) return {0, 0};
  return {code, length};
}

/// Whether a terminal acts on the character instead of showing it in its place.
bool is_control(std::uint32_t code) {
  const bool c0_or_c1 = code < 0x20 || (code >= 0x7f && code <= 0x9f);
  const bool separator = code == 0x2028 || code == 0x2029;
  const bool direction = (code >= 0x200e && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
                         (code >= 0x2066 && code <= 0x2069) || code == 0x061c;
  return c0_or_c1 || separator || direction;
}

std::string escaped(const char* format, std::uint32_t code) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), format, code);
  return text.data();
}

}  // namespace

std::optional<std::string> read_text(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return std::nullopt;
  std::string text;
  std::array<char, 16384> buffer;
  ssize_t got = 0;
  do {
    got = ::read(file, buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  } while (got > 0 || (got < 0 && errno == EINTR));
  ::close(file);
  if (got < 0) return std::nullopt;  // ESRCH: the process ended between open and read
  return text;
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  return value;
}

std::optional<std::string_view> line_after(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = next_line(text);
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return std::nullopt;
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  const auto rest = line_after(text, key);
  return rest ? leading_number(*rest) : std::nullopt;
}

std::optional<std::uint64_t> kilobytes_after(std::string_view text, std::string_view key) {
  const auto kilobytes = number_after(text, key);
  if (!kilobytes) return std::nullopt;
  return *kilobytes * 1024;
}

std::optional<std::uint64_t> named_number(std::string_view text, std::string_view key,
                                          std::string_view name) {
  auto line = line_after(text, key);
  while (line && !line->empty()) {
    if (next_word(*line) == name) return leading_number(*line);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> paired_number(std::string_view text, std::string_view key,
                                           std::string_view name) {
  while (!text.empty()) {
    std::string_view names = next_line(text);
    if (!names.starts_with(key)) continue;
    std::string_view values = next_line(text);
    if (!values.starts_with(key)) return std::nullopt;
    while (!names.empty()) {
      const std::string_view value = next_word(values);
      if (next_word(names) == name) return leading_number(value);
    }
  }
  return std::nullopt;
}

std::string_view next_word(std::string_view& text, std::string_view separators) {
  text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(word.size());
  return word;
}

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

std::string printable(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  while (!text.empty()) {
    const auto [code, length] = first_character(text);
    if (length == 0) {
      line += escaped("\\x%02x", static_cast<unsigned char>(text.front()));
    } else if (is_control(code)) {
      line += escaped(code < 0x80 ? "\\x%02x" : "\\u%04x", code);
    } else {
      line += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return line;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = first_character(text).length;
    valid += length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return valid;
}

}  // namespace limits
