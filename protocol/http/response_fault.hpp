// What can be wrong with a response of HTTP/1.1, so that nobody can know where it ends.
#pragma once

#include <cstdint>
#include <string_view>

namespace protocol {

/// Why a response cannot be understood.
enum class ResponseFault : std::uint8_t {
  none,
  status_line,
  header_name,
  header_value,
  line_end,
  head_too_large,
  length,
  lengths_differ,
  coding,
  coding_and_length,
  coding_in_1_0,
  chunk_size,
  chunk_end,
  chunk_extension,
  trailer
};
/// What is wrong, and the section of RFC 9112.
std::string_view text_of(ResponseFault fault);

}  // namespace protocol
