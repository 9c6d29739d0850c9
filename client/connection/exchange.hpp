// Sending messages and verifying their echoes, byte by byte, on non-blocking sockets.
//
// It reads while it writes: a message larger than both socket buffers would otherwise leave each
// side waiting for the other. One buffer a loop serves all connections, because nothing of an echo
// is kept: the expected bytes are computed again, so what has arrived is known by its length alone.
// Several messages in flight leave in one send and come back in one receive where they fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "client/connection/connection.hpp"
#include "client/connection/outcome.hpp"
#include "client/schedule/sizes.hpp"
#include "echo/wire.hpp"

namespace client {

/// What a look at a socket came to.
struct IoResult {
  enum class Kind : std::uint8_t {
    waiting,  ///< more is to come
    eof,      ///< the peer's FIN, with no message in flight
    failed
  };
  int error = 0;             ///< errno, when failed by one
  std::uint32_t echoes = 0;  ///< messages that came back whole and right before that
  Kind kind = Kind::waiting;
  Outcome outcome = Outcome::served;  ///< when failed
  bool more = false;                  ///< the socket may hold more: look again
};
static_assert(sizeof(IoResult) <= 16, "comes back in registers");

class Exchange {
 public:
  Exchange(const echo::Payload& payload, const MessageSizes& sizes)
      : payload_(payload),
        sizes_(sizes),
        storage_(std::make_unique_for_overwrite<std::byte[]>(buffer_size)),
        buffer_(storage_.get(), buffer_size) {}

  /// Bytes in message `message` of `connection`.
  [[nodiscard]] std::uint32_t size_of(const Connection& connection, std::uint32_t message) const {
    return sizes_.of({connection.number, message});
  }

  /// Writes what the socket takes of the messages begun.
  IoResult send_more(Connection& connection);

  /// Reads what has come, and counts whole messages into `connection.echoed`. `until_eof`: the
  /// kernel has announced a FIN, so a short read is not the end; with an echo whole, what is behind
  /// it is the next look's business. Bytes that were not sent yet are `extra`.
  IoResult receive(Connection& connection, bool until_eof);

  /// The wrong byte behind the last `mismatch` or `foreign`.
  [[nodiscard]] const std::optional<echo::Mismatch>& mismatch() const { return mismatch_; }

 private:
  static constexpr std::uint32_t buffer_size = 64U << 10U;
  /// So many bytes in the buffer, and the place behind them.
  struct Piece {
    std::uint32_t bytes, message, offset;
  };
  /// What of the messages begun fits into the buffer.
  Piece gather(const Connection& connection);
  Piece gather_any(const Connection& connection);
  IoResult check(Connection& connection, std::span<const std::byte> got);
  IoResult check_any(Connection& connection, std::span<const std::byte> got);

  const echo::Payload& payload_;
  const MessageSizes& sizes_;
  std::unique_ptr<std::byte[]> storage_;  ///< not filled: what is not used is not resident
  std::span<std::byte> buffer_;
  std::optional<echo::Mismatch> mismatch_;
};

}  // namespace client
