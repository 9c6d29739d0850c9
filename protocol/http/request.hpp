// A request's head as values, and what its framing means.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "protocol/http/resource.hpp"

namespace protocol {

enum class Method : std::uint8_t { get, head, post, options, other };

struct Request {
  /// The status of the answer to a request that cannot be served; 0 if it can.
  unsigned error = 0;
  Method method = Method::other;
  bool is_version_1_0 = false;
  bool keeps_alive = false;       ///< as the peer requests it; the default of its version otherwise
  bool expects_continue = false;  ///< waits for 100 before it sends its body (RFC 9110 10.1.1)
  bool is_chunked = false;
  std::uint64_t content_length = 0;
  Resource resource;

  [[nodiscard]] bool has_body() const { return is_chunked || content_length > 0; }
  bool operator==(const Request&) const = default;
};

/// Reads a head that HeadScanner found whole, without an empty line before it.
Request read_request(std::span<const char> head);

/// The same for a GET or HEAD of HTTP/1.1 in which no field matters but Host, as nearly all are,
/// without Boost.Beast. Nothing: it may be another one.
std::optional<Request> read_usual_request(std::span<const char> head);
/// The same for all others, by Boost.Beast.
Request read_unusual_request(std::span<const char> head);

}  // namespace protocol
