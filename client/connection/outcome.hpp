// How a socket can end. Each requested connection ends in exactly one of these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace client {

enum class Outcome : std::uint8_t {
  served,           ///< every echo asked for came back verified, and nothing else
  refused,          ///< ECONNREFUSED
  connect_timeout,  ///< no answer to the connect
  unreachable,      ///< EHOSTUNREACH, ENETUNREACH and the like
  local_limit,      ///< this machine ran out: ports (EADDRNOTAVAIL), descriptors, memory
  reset,            ///< RST before the echo was whole
  closed_early,     ///< FIN before any byte of an echo
  short_echo,       ///< FIN within an echo
  timeout,          ///< an echo did not come in time
  mismatch,         ///< a byte was changed
  foreign,          ///< bytes of another connection or message
  extra,            ///< more bytes than were sent
  server_lost,      ///< the server is gone: its process, or its listener
  interrupted,      ///< a signal ended the run first
  deadline,         ///< the run's deadline came first
  not_attempted,    ///< never tried: the server had answered none of a whole window
  other_error       ///< another errno, listed in `errors`
};
inline constexpr std::size_t outcomes = 17;

/// The name in the JSON document and in the text.
std::string_view name_of(Outcome outcome);

/// Where in its life a connection was.
enum class Phase : std::uint8_t { connect, echo, idle, drain };
std::string_view name_of(Phase phase);

}  // namespace client
