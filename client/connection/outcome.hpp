// The outcomes of a connection. Each requested connection ends in exactly one of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace client {

enum class Outcome : std::uint8_t {
  served,           ///< every planned echo was verified, and nothing else came
  refused,          ///< ECONNREFUSED
  connect_timeout,  ///< the connect was not answered
  unreachable,      ///< EHOSTUNREACH, ENETUNREACH and the like
  local_limit,      ///< ports (EADDRNOTAVAIL), descriptors or memory of this machine ran out
  reset,            ///< RST before the echo was whole
  closed_early,     ///< FIN before any byte of the first echo
  short_echo,       ///< FIN within an echo
  timeout,          ///< an echo did not come in time
  mismatch,         ///< a byte was changed
  foreign,          ///< bytes of another connection or message
  extra,            ///< more bytes than were sent
  // HTTP only
  status_4xx,        ///< a response with an unexpected status from 400 to 499
  status_5xx,        ///< with one from 500 to 599
  status_other,      ///< with any other unexpected status
  parse_error,       ///< bytes that are no response of HTTP/1.1
  stale_connection,  ///< FIN or RST instead of a response, on a connection that had one before
  closed_by_server,  ///< FIN, or Connection: close, before the connection's plan was complete
  // any protocol
  server_lost,    ///< the server's process or listener is gone
  interrupted,    ///< a signal ended the run first
  deadline,       ///< the run's deadline came first
  not_attempted,  ///< not tried: the whole first window timed out, or memory ran short
  other_error     ///< another errno, listed in `errors`
};
inline constexpr std::size_t outcomes = 23;

/// The name in the JSON document and in the text report.
std::string_view name_of(Outcome outcome);

/// The phase of a connection.
enum class Phase : std::uint8_t { connect, echo, idle, drain };
std::string_view name_of(Phase phase);

}  // namespace client
