#include "client/options/option_values.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <stdexcept>

#include "echo/exit_code.hpp"

namespace client {
namespace {

/// The length of `name` if `argument` is `name` or begins with `name=`; else 0.
std::size_t spelled_as(std::string_view argument, std::string_view name) {
  if (argument.substr(0, name.size()) != name) return 0;
  const bool whole = argument.size() == name.size() || argument[name.size()] == '=';
  return whole ? name.size() : 0;
}

/// Parses all of `text` as a number. Returns false if it is not one.
template <typename Number>
bool read_whole(std::string_view text, Number& number) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end;
}

}  // namespace

Target parse_target(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const std::size_t dash = text.rfind('-');
  const bool range = colon != std::string_view::npos && dash != std::string_view::npos &&
                     dash > colon && text.find(']', colon) == std::string_view::npos;
  const echo::HostPort first =
      echo::parse_host_port(range ? text.substr(0, dash) : text, "localhost", 1234);
  Target target{first.host, first.port, first.port, {}};
  if (range &&
      (!read_whole(text.substr(dash + 1), target.last_port) || target.last_port < first.port)) {
    throw std::invalid_argument(
        fmt::format("\"{}\" is not a range of ports: 1234-1250, the smaller port first", text));
  }
  return target;
}

double parse_rate(std::string_view text) {
  double rate = 0;
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, rate);
  const std::string_view suffix(end, static_cast<std::size_t>(last - end));
  if (suffix == "k" || suffix == "K") {
    rate *= 1e3;
  } else if (suffix == "m" || suffix == "M") {
    rate *= 1e6;
  } else if (!suffix.empty()) {
    rate = 0;
  }
  const bool good = error == std::errc{} && rate >= 0.001 && rate <= 1e7;
  if (!good)
    throw std::invalid_argument(
        fmt::format("\"{}\" is not a rate: events per second, from 0.001 to 10M", text));
  return rate;
}

std::pair<std::string, std::string> parse_label(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos)
    throw std::invalid_argument(fmt::format("\"{}\" is not a label: KEY=VALUE", text));
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

std::chrono::system_clock::time_point parse_start(std::string_view text) {
  double seconds = -1;
  if (!text.empty() && text.front() == '@') {
    if (!read_whole(text.substr(1), seconds)) seconds = -1;
  } else {
    std::tm parts{};
    const std::string copy{text};
    const char* end = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end != nullptr && *end == '\0') seconds = static_cast<double>(::timegm(&parts));
  }
  if (!(seconds >= 0 && seconds <= 9e9)) {  // refuses NaN too
    throw std::invalid_argument(fmt::format(
        "\"{}\" is not a time: UTC as 2026-11-21T15:04:05Z, or seconds since 1970 as @1795273445",
        text));
  }
  return std::chrono::system_clock::time_point{
      std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)}};
}

std::vector<std::string> modernised(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const auto value_of = [&](std::size_t name_length) {
      if (name_length < argument.size()) return argument.substr(name_length + 1);
      return i + 1 < argc ? std::string(argv[++i]) : std::string();
    };
    if (const auto length = spelled_as(argument, "-host")) {
      if (length == argument.size() && i + 1 == argc) {
        throw echo::Exit(echo::exit_usage, "-host: HOST[:PORT] is missing");
      }
      arguments.push_back(value_of(length));
    } else if (const auto data = spelled_as(argument, "-data")) {
      arguments.push_back("--data=" + value_of(data));
    } else if (spelled_as(argument, "-n") != 0 && argument.size() > 2) {
      arguments.push_back("--connections=" + argument.substr(3));
    } else {
      arguments.push_back(argument);
    }
  }
  return arguments;
}

bool lies_in(const echo::Endpoint& endpoint, const std::vector<std::string>& cidrs) {
  for (const std::string& cidr : cidrs) {
    const std::size_t slash = cidr.find('/');
    const std::string address = cidr.substr(0, slash);
    const bool v6 = address.find(':') != std::string::npos;
    unsigned char network[16] = {};
    unsigned bits = v6 ? 128 : 32;
    const unsigned most = bits;
    const char* end = cidr.data() + cidr.size();
    bool good = ::inet_pton(v6 ? AF_INET6 : AF_INET, address.c_str(), network) == 1;
    if (good && slash != std::string::npos) {
      const auto parsed = std::from_chars(cidr.data() + slash + 1, end, bits);
      good = parsed.ec == std::errc{} && parsed.ptr == end && bits <= most;
    }
    if (!good)
      throw std::invalid_argument(
          fmt::format("\"{}\" is not a network: 10.0.0.0/8 or fd00::/8", cidr));
    if (endpoint.family() != (v6 ? AF_INET6 : AF_INET)) continue;
    const auto* mine =
        v6 ? reinterpret_cast<const sockaddr_in6*>(endpoint.data())->sin6_addr.s6_addr
           : reinterpret_cast<const unsigned char*>(
                 &reinterpret_cast<const sockaddr_in*>(endpoint.data())->sin_addr);
    bool inside = true;
    for (unsigned bit = 0; bit < bits && inside; ++bit) {
      const unsigned mask = 0x80U >> (bit % 8);
      inside = (mine[bit / 8] & mask) == (network[bit / 8] & mask);
    }
    if (inside) return true;
  }
  return false;
}

}  // namespace client
