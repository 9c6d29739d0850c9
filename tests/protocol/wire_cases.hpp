// What a server of HTTP/1.1 must do that can be seen on the wire: bytes sent on a new connection,
// and the answers. One table, for the protocol without I/O and for the models over sockets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/protocol/answer_reader.hpp"

namespace tests {

struct WireCase {
  std::string name;     ///< a sentence of letters and digits
  std::string section;  ///< "9112 3.2": of which RFC
  std::string sent;
  /// The statuses of all answers in order; "close" at the end: the server then closes, and
  /// otherwise it answers further requests.
  std::string expected;
  std::optional<std::string> body = std::nullopt;  ///< of the last answer
  std::string field = "";  ///< what the head of the last answer contains, such as "Allow: GET"
  std::size_t heads = 0;   ///< how many of the answers, the first ones, are to a HEAD
};

/// --max-body of the server that serves them; --max-header is the default.
inline constexpr std::size_t wire_cases_max_body = 1 << 20;

const std::vector<WireCase>& wire_cases();

/// A request that is sent after a case whose connection stays open: its answer is 200 "ok".
inline constexpr std::string_view probe = "GET / HTTP/1.1\r\nHost: probe\r\n\r\n";

/// How the answers to a case differ from what is expected; "" if they do not. `received`: all bytes
/// up to the close, or up to the end of the probe's answer.
std::string difference(const WireCase& each, std::string_view received);

/// Whether the connection stays open after the case.
bool stays_open(const WireCase& each);

}  // namespace tests
