// Sends messages and verifies their echoes byte by byte on non-blocking sockets.
//
// It reads while it writes: with a message larger than both socket buffers, client and server would
// otherwise wait for each other. One buffer per loop serves all connections, because no received
// byte is stored: the expected bytes are computed again, and a connection keeps only the number of
// bytes received. Several messages in flight share one send and one receive where they fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "client/connection/connection.hpp"
#include "client/connection/outcome.hpp"
#include "client/schedule/sizes.hpp"
#include "echo/wire.hpp"

namespace client {

/// The result of sending or receiving on a socket.
struct IoResult {
  enum class Kind : std::uint8_t {
    waiting,  ///< no error; more may come
    eof,      ///< the peer's FIN, with no message in flight
    failed
  };
  int error = 0;             ///< errno of the failed call, otherwise 0
  std::uint32_t echoes = 0;  ///< messages that this call verified
  Kind kind = Kind::waiting;
  Outcome outcome = Outcome::served;  ///< when failed
  bool more = false;                  ///< the socket may hold more: receive again
};
static_assert(sizeof(IoResult) <= 16, "returned in registers");

class Exchange {
 public:
  Exchange(const echo::Payload& payload, const MessageSizes& sizes)
      : payload_(payload),
        sizes_(sizes),
        storage_(std::make_unique_for_overwrite<std::byte[]>(buffer_size)),
        buffer_(storage_.get(), buffer_size) {}

  /// Size of message `message` of `connection`, in bytes.
  [[nodiscard]] std::uint32_t size_of(const Connection& connection, std::uint32_t message) const {
    return sizes_.of({connection.number, message});
  }

  /// Sends the begun messages until the socket buffer is full.
  IoResult send_more(Connection& connection);

  /// Receives and verifies what has arrived, and adds whole messages to `connection.echoed`.
  /// `until_eof`: the kernel has reported a FIN, so a short read is not the end of the data.
  /// Returns after a read that completed an echo; `more` shows whether to call it again. Bytes that
  /// were not sent yet fail as `extra`.
  IoResult receive(Connection& connection, bool until_eof);

  /// The wrong byte of the last `mismatch` or `foreign`.
  [[nodiscard]] const std::optional<echo::Mismatch>& mismatch() const { return mismatch_; }
  /// The protocol that the first bytes of the last wrong connection belong to; "" if unknown.
  [[nodiscard]] std::string_view protocol() const { return protocol_; }
  /// Bytes received so far, of all connections, right or wrong.
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  static constexpr std::uint32_t buffer_size = 64U << 10U;
  /// The bytes in the buffer, and the position after them: message and offset.
  struct Piece {
    std::uint32_t bytes, message, offset;
  };
  /// Fills the buffer with the unsent bytes of the begun messages, as far as they fit.
  Piece gather(const Connection& connection);
  Piece gather_any(const Connection& connection);
  IoResult check(Connection& connection, std::span<const std::byte> got);
  IoResult check_any(Connection& connection, std::span<const std::byte> got);

  const echo::Payload& payload_;
  const MessageSizes& sizes_;
  std::unique_ptr<std::byte[]> storage_;  ///< uninitialised: unused pages are not resident
  std::span<std::byte> buffer_;
  std::uint64_t received_ = 0;
  std::optional<echo::Mismatch> mismatch_;
  std::string_view protocol_;
};

}  // namespace client
