#include "protocol/http/response_fault.hpp"

namespace protocol {

std::string_view text_of(ResponseFault fault) {
  switch (fault) {
    case ResponseFault::none:
      return "";
    case ResponseFault::status_line:
      return "no status line of HTTP/1.1 or 1.0 (RFC 9112, 4)";
    case ResponseFault::header_name:
      return "a header line without a valid name and a colon right behind it, or a folded one "
             "(RFC 9112, 5)";
    case ResponseFault::header_value:
      return "a control character in a header's value (RFC 9110, 5.5)";
    case ResponseFault::line_end:
      return "a line that does not end with CR LF (RFC 9112, 2.2)";
    case ResponseFault::head_too_large:
      return "more than 64 KiB of header, chunk extensions and trailers";
    case ResponseFault::length:
      return "a Content-Length that is no number below 2^63 (RFC 9112, 6.3)";
    case ResponseFault::lengths_differ:
      return "two different Content-Length (RFC 9112, 6.3)";
    case ResponseFault::coding:
      return "a Transfer-Encoding other than chunked (RFC 9112, 6.1)";
    case ResponseFault::coding_and_length:
      return "Transfer-Encoding together with Content-Length (RFC 9112, 6.3)";
    case ResponseFault::coding_in_1_0:
      return "Transfer-Encoding in HTTP/1.0 (RFC 9112, 6.1)";
    case ResponseFault::chunk_size:
      return "a chunk's size that is no hexadecimal number below 2^63 (RFC 9112, 7.1)";
    case ResponseFault::chunk_end:
      return "a chunk that does not end with CR LF (RFC 9112, 7.1)";
    case ResponseFault::chunk_extension:
      return "a control character in a chunk extension (RFC 9112, 7.1.1)";
    case ResponseFault::trailer:
      return "a wrong character in a trailer (RFC 9112, 7.1.2)";
  }
  return "";
}

}  // namespace protocol
