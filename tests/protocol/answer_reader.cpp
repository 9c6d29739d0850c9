#include "tests/protocol/answer_reader.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace tests {
namespace {

bool all(std::string_view text, int (*is)(int)) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [is](char each) {
    return is(static_cast<unsigned char>(each)) != 0;
  });
}

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

/// Fills status and fields; returns what is wrong.
std::string read_head(std::string_view head, ReadAnswer& answer) {
  answer.head = head;
  const std::size_t line = std::min(head.find("\r\n"), head.size());
  const std::string_view status_line = head.substr(0, line);
  if (!status_line.starts_with("HTTP/1.1 ") || status_line.size() < 14 || status_line[12] != ' ')
    return "no status line: " + std::string(status_line);
  if (!all(status_line.substr(9, 3), ::isdigit)) return "no status";
  answer.status = static_cast<unsigned>(*number(status_line.substr(9, 3)));
  for (std::size_t at = line; at < head.size();) {
    at += 2;
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view field = head.substr(at, end - at);
    const std::size_t colon = field.find(": ");
    if (colon == std::string_view::npos || colon == 0) return "no field: " + std::string(field);
    std::string name{field.substr(0, colon)};
    std::transform(name.begin(), name.end(), name.begin(), ::tolower);
    if (!answer.fields.emplace(name, field.substr(colon + 2)).second) return "twice: " + name;
    at = end;
  }
  if (std::any_of(head.begin(), head.end(), [](char each) { return each == '\0'; })) return "NUL";
  return "";
}

}  // namespace

std::string ReadAnswers::statuses() const {
  std::string text;
  for (const ReadAnswer& each : answers)
    text += (text.empty() ? "" : " ") + std::to_string(each.status);
  return text;
}

std::optional<std::string> unchunked(std::string_view& bytes) {
  std::string body;
  std::string_view rest = bytes;
  for (;;) {
    const std::size_t line = rest.find("\r\n");
    if (line == std::string_view::npos) return std::nullopt;
    const auto size = number(rest.substr(0, line), 16);
    if (!size || rest.size() < line + 4 || rest.size() - line - 4 < *size) return std::nullopt;
    rest.remove_prefix(line + 2);
    const auto length = static_cast<std::size_t>(*size);
    body += rest.substr(0, length);
    if (rest.substr(length, 2) != "\r\n") return std::nullopt;
    rest.remove_prefix(length + 2);
    if (length == 0) break;
  }
  bytes = rest;
  return body;
}

ReadAnswers read_answers(std::string_view bytes, std::size_t heads) {
  ReadAnswers read;
  std::size_t finals = 0;
  while (!bytes.empty()) {
    read.rest = bytes;
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos) return read;
    ReadAnswer answer;
    read.fault = read_head(bytes.substr(0, end), answer);
    if (!read.fault.empty()) return read;
    bytes.remove_prefix(end + 4);
    const auto length = answer.fields.find("content-length");
    const auto coding = answer.fields.find("transfer-encoding");
    const bool is_final = answer.status >= 200;
    if (!is_final) {
      if (length != answer.fields.end() || coding != answer.fields.end()) {
        read.fault = "an interim answer with a length";
        return read;
      }
    } else if ((length == answer.fields.end()) == (coding == answer.fields.end())) {
      read.fault = "not one framing";
      return read;
    } else if (finals++ < heads) {
      // The fields are those of a GET; there is no body.
    } else if (coding != answer.fields.end()) {
      auto body = unchunked(bytes);
      if (coding->second != "chunked") read.fault = "coding " + coding->second;
      if (!body) return read;
      answer.body = std::move(*body);
    } else {
      const auto size = number(length->second);
      if (!size) read.fault = "length " + length->second;
      if (!size || bytes.size() < *size) return read;
      answer.body = bytes.substr(0, static_cast<std::size_t>(*size));
      bytes.remove_prefix(answer.body.size());
    }
    if (is_final && !answer.fields.contains("date")) {
      read.fault = "no Date";
      return read;
    }
    read.answers.push_back(std::move(answer));
    read.rest.clear();
  }
  return read;
}

}  // namespace tests
