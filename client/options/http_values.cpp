#include "client/options/http_values.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "client/options/input_file.hpp"
#include "client/schedule/sizes.hpp"
#include "limits/proc_text.hpp"
#include "protocol/http/characters.hpp"

namespace client {
namespace {

constexpr std::string_view scheme = "http://";

bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

bool equals(std::string_view a, std::string_view small) {
  return a.size() == small.size() && ::strncasecmp(a.data(), small.data(), a.size()) == 0;
}

[[noreturn]] void refuse(std::string_view text, std::string_view allowed) {
  throw std::invalid_argument(
      fmt::format("\"{}\": {}", limits::printable(text.substr(0, 200)), allowed));
}

std::string_view without_spaces(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

bool is_host_text(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), is_visible);
}

Target parse_url(std::string_view text) {
  constexpr std::string_view form =
      "not a target: HOST[:PORT[-PORT]], or http://HOST[:PORT][/PATH]";
  if (!equals(text.substr(0, scheme.size()), scheme)) refuse(text, form);
  std::string_view rest = text.substr(scheme.size());
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(authority.size());
  if (rest.find('#') != std::string_view::npos ||
      !std::all_of(rest.begin(), rest.end(), is_visible)) {
    refuse(text,
           "the path of a URL has visible ASCII characters and no #; others are written as %20");
  }
  if (!is_host_text(authority)) refuse(text, form);
  if (authority.find('@') != std::string_view::npos)
    refuse(text, "a URL without user and password; --header 'Authorization: ...' sends them");
  constexpr std::uint16_t usual_port = 80;
  const echo::HostPort where = echo::parse_host_port(authority, "", usual_port);
  const bool bare_v6 =
      where.host.find(':') != std::string::npos && (authority.empty() || authority.front() != '[');
  if (bare_v6) refuse(text, "an IPv6 address in a URL stands in brackets: http://[::1]:8080/");
  if (where.host.empty()) refuse(text, form);
  std::string path(rest);
  if (path.empty() || path.front() != '/') path.insert(path.begin(), '/');
  return {where.host, where.port, where.port, path};
}

std::string parse_header(std::string_view text) {
  constexpr std::string_view form = "not a header: 'Name: value', without control characters";
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string_view::npos) refuse(text, form);
  const std::string_view name = text.substr(0, colon);
  const std::string_view value = without_spaces(text.substr(colon + 1));
  const bool good = protocol::span_of(protocol::token_character, name) == name.size() &&
                    protocol::span_of(protocol::value_character, value) == value.size();
  if (!good) refuse(text, form);
  for (const std::string_view own : {"content-length", "transfer-encoding"}) {
    if (equals(name, own)) refuse(text, "the client sets this header itself");
  }
  return fmt::format("{}: {}", name, value);
}

std::uint16_t parse_status(std::string_view text) {
  std::uint16_t status = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, status);
  const bool good = parsed.ec == std::errc{} && parsed.ptr == end && status >= 200 && status <= 599;
  if (!good) refuse(text, "not a final status: 200 to 599");
  return status;
}

std::string parse_expected_body(std::string_view text) {
  if (!text.starts_with('@')) return std::string(text);
  return read_input_file(std::string(text.substr(1)), MessageSizes::most);
}

std::string host_header(const Target& target) {
  const bool v6 = target.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + target.host + "]" : target.host;
  return target.first_port == 80 ? host : fmt::format("{}:{}", host, target.first_port);
}

}  // namespace client
