// Parsers of the client's option values that are more than a number. Each throws
// std::invalid_argument with one line: the text given and the form allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echo/socket.hpp"

namespace client {

/// "localhost:1234", "[::1]:1234-1250": a host and one or several ports.
struct Target {
  std::string host = "localhost";
  std::uint16_t first_port = 1234;
  std::uint16_t last_port = 1234;
  std::string path{};  ///< of a URL, with its query; "": the target is none
};
Target parse_target(std::string_view text);

/// Events per second: a number from 0.001 to 10M, optionally with the suffix k or M.
double parse_rate(std::string_view text);

/// "KEY=VALUE"; the key is not empty.
std::pair<std::string, std::string> parse_label(std::string_view text);

/// "2026-11-21T15:04:05Z" (UTC), or "@1795273445.5", seconds since 1970.
std::chrono::system_clock::time_point parse_start(std::string_view text);

/// Whether `endpoint` lies in one of `cidrs` ("10.0.0.0/8", "fd00::/8").
bool lies_in(const echo::Endpoint& endpoint, const std::vector<std::string>& cidrs);

/// argv with the spellings of 10kthreads, from which this program descends (-host H, -data D and
/// -n=10), rewritten as options of this program. CLI11 would read -host as -h and -data as -d ata.
/// Throws echo::Exit if a value is missing.
std::vector<std::string> modernised(int argc, const char* const* argv);

}  // namespace client
