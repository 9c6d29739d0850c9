#include "protocol/http/resource.hpp"

#include <charconv>
#include <limits>

#include "protocol/http/characters.hpp"

namespace protocol {
namespace {

/// The end of an address in brackets, or npos: "[::1]" and what RFC 3986 calls IPvFuture.
std::size_t end_of_bracketed(std::string_view text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos || end < 2) return std::string_view::npos;
  for (const char each : text.substr(1, end - 1)) {
    if (each != ':' && (each == '%' || !is_a(host_character, each))) return std::string_view::npos;
  }
  return end + 1;
}

/// The end of a registered name, or npos where a "%" has no two digits after it.
std::size_t end_of_name(std::string_view text) {
  std::size_t end = 0;
  for (;;) {
    end += span_of(name_character, text, end);
    if (end == text.size() || text[end] != '%') return end;
    if (end + 2 >= text.size() || hex_digit(text[end + 1]) < 0 || hex_digit(text[end + 2]) < 0)
      return std::string_view::npos;
    end += 3;
  }
}

bool equals_ignoring_case(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char each = text[at];
    const char lower = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    if (lower != lower_case[at]) return false;
  }
  return true;
}

/// The absolute-form, which a server must accept (RFC 9112 3.2.2).
Target target_of_absolute(std::string_view text, bool is_options) {
  constexpr std::string_view scheme = "http://";
  if (!equals_ignoring_case(text.substr(0, scheme.size()), scheme)) return {};
  const std::string_view rest = text.substr(scheme.size());
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.empty() || authority.front() == ':' || !is_host(authority)) return {};
  const std::string_view path = rest.substr(end);
  if (path.empty()) return {true, is_options ? "*" : "/"};  // RFC 9112 3.2.4
  return {true, path};
}

}  // namespace

Resource resource_of(std::string_view path) {
  using Kind = Resource::Kind;
  if (path == "*") return {Kind::server};
  path = path.substr(0, path.find('?'));
  if (path == "/" || path.empty()) return {Kind::root};
  if (path == "/echo") return {Kind::echo};
  constexpr std::string_view bytes = "/bytes/";
  if (!path.starts_with(bytes)) return {};
  const std::string_view digits = path.substr(bytes.size());
  std::int64_t length = 0;
  if (digits.empty() || !is_a(digit_character, digits.front())) return {};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size()) return {};
  return {Kind::bytes, static_cast<std::uint64_t>(length)};
}

std::string_view allowed_methods(Resource::Kind kind) {
  switch (kind) {
    case Resource::Kind::root:
    case Resource::Kind::bytes:
      return "GET, HEAD, OPTIONS";
    case Resource::Kind::echo:
      return "POST, OPTIONS";
    default:
      return "GET, HEAD, POST, OPTIONS";
  }
}

bool is_host(std::string_view text) {
  const std::size_t end = text.starts_with('[') ? end_of_bracketed(text) : end_of_name(text);
  if (end == std::string_view::npos) return false;
  if (end == text.size()) return true;
  if (text[end] != ':') return false;
  return span_of(digit_character, text, end + 1) == text.size() - end - 1;
}

Target target_of(std::string_view text, bool is_options) {
  if (text.starts_with('/')) return {true, text};
  if (text == "*") return {is_options, text};
  return target_of_absolute(text, is_options);
}

}  // namespace protocol
