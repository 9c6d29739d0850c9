// The status codes that this server sends (RFC 9110 15, RFC 6585 5).
#pragma once

namespace protocol::status {

inline constexpr unsigned ok = 200;
inline constexpr unsigned bad_request = 400;
inline constexpr unsigned not_found = 404;
inline constexpr unsigned method_not_allowed = 405;
inline constexpr unsigned request_timeout = 408;
inline constexpr unsigned content_too_large = 413;
inline constexpr unsigned uri_too_long = 414;
inline constexpr unsigned expectation_failed = 417;
inline constexpr unsigned fields_too_large = 431;
inline constexpr unsigned not_implemented = 501;
inline constexpr unsigned version_not_supported = 505;

}  // namespace protocol::status
