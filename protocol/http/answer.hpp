// The answer to a request: its head as text, and what its body is.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <span>
#include <string_view>

#include "protocol/http/resource.hpp"
#include "protocol/http/status.hpp"

namespace protocol {

struct Answer {
  enum class Body : std::uint8_t {
    none,     ///< no content: Content-Length 0
    text,     ///< that of the status: text_of()
    pattern,  ///< `length` bytes of the pattern
    echo      ///< that of the request
  };
  /// Value of the Connection field.
  enum class Connection : std::uint8_t { not_named, keep_alive, close };

  unsigned status = status::ok;
  Body body = Body::text;
  bool is_chunked = false;
  bool is_head = false;  ///< to a HEAD: the head only
  Connection connection = Connection::not_named;
  /// Allow names the methods of this resource; none: no Allow.
  Resource::Kind allow = Resource::Kind::none;
  std::uint64_t length = 0;  ///< of pattern and echo
};

inline constexpr std::string_view continue_head = "HTTP/1.1 100 Continue\r\n\r\n";

/// The reason phrase of a status that this server sends.
std::string_view reason_of(unsigned status);
/// The text body of an answer: "ok", or the reason of an error. Without a line's end.
std::string_view text_of(unsigned status);

/// More than any head takes.
inline constexpr std::size_t largest_head = 320;
/// Writes the head to `room`, of `largest_head` bytes or more, and returns its size. `now`: for
/// Date.
std::size_t write_head(const Answer& answer, std::time_t now, std::span<char> room);

/// The body of /bytes/N: byte i is the letter i mod 26 of the alphabet, in lower case.
void write_pattern(std::uint64_t offset, std::span<char> room);

}  // namespace protocol
