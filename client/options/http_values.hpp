// Parsers of the option values that belong to HTTP. Each throws std::invalid_argument with one
// line: the text given and the form allowed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "client/options/option_values.hpp"

namespace client {

/// "http://localhost:8080/path?query", "http://[::1]/": host, port (80 unless given) and path.
Target parse_url(std::string_view text);

/// "Name: value", in this form. Refuses what could end the line, and the headers of the framing,
/// which the client sets itself.
std::string parse_header(std::string_view text);

/// A status from 200 to 599.
std::uint16_t parse_status(std::string_view text);

/// The text, or with "@FILE" the bytes of the file.
std::string parse_expected_body(std::string_view text);

/// The value of Host for `target`: the port is left out if it is 80.
std::string host_header(const Target& target);

/// Whether `host` can stand in a Host header: visible characters of ASCII.
bool is_host_text(std::string_view host);

}  // namespace client
