// Sending a message and verifying its echo, byte by byte, on non-blocking sockets.
//
// It reads while it writes: a message larger than both socket buffers would otherwise leave each
// side waiting for the other. One buffer a loop serves all sessions, because nothing of an echo is
// kept: the expected bytes are computed again, so what has arrived is known by its length alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "client/outcome.hpp"
#include "client/session.hpp"
#include "echo/wire.hpp"

namespace client {

/// What a look at a socket came to.
struct Step {
  enum class Kind : std::uint8_t {
    waiting,  ///< more is to come
    echoed,   ///< the message is back, whole and right
    eof,      ///< the peer's FIN, with no message in flight
    failed
  };
  Kind kind = Kind::waiting;
  Outcome outcome = Outcome::served;  ///< when failed
  int error = 0;                      ///< errno, when failed by one
  std::optional<echo::Mismatch> mismatch;
};

class Exchange {
 public:
  explicit Exchange(const echo::Payload& payload) : payload_(payload), buffer_(buffer_size) {}

  [[nodiscard]] const echo::Payload& payload() const { return payload_; }

  /// Writes what the socket takes of the message in flight.
  Step send_more(Session& session, std::uint32_t connection);

  /// Reads what has come. `until_eof`: the kernel has announced a FIN, so a short read is not the
  /// end. Bytes with no message in flight, or past its end, are `extra`.
  Step receive(Session& session, std::uint32_t connection, bool until_eof);

 private:
  static constexpr std::size_t buffer_size = 64U << 10U;
  Step check(Session& session, std::uint32_t connection, std::size_t received);

  const echo::Payload& payload_;
  std::vector<std::byte> buffer_;
};

}  // namespace client
