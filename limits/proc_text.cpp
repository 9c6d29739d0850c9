// Reads kernel text files; see proc_text.hpp.
#include "limits/proc_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace limits {

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

}  // namespace limits
