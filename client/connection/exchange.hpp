// What is exchanged on a connection: which bytes to send, and whether those that come back are
// right. Between this and a socket stands the Transport, which moves the bytes.
//
// The interface has no socket, so that the bytes may travel by other means than the kernel's
// sockets; and nothing of the echo, so that another protocol can be verified (docs/decisions/0019).
// A message is what is begun at one time and answered as a whole: an echo, or a request with its
// response. Connection::begun counts those to send, Connection::echoed those that were answered.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "client/connection/connection.hpp"
#include "client/connection/outcome.hpp"
#include "echo/wire.hpp"

namespace client {

/// The result of sending or receiving on a connection.
struct IoResult {
  enum class Kind : std::uint8_t {
    waiting,  ///< no error; more may come
    eof,      ///< the peer's FIN, with no message in flight
    closes,   ///< no error; the peer answers no more on this connection
    failed
  };
  int error = 0;             ///< errno of the failed call, otherwise 0
  std::uint32_t echoes = 0;  ///< messages that this call found answered
  Kind kind = Kind::waiting;
  Outcome outcome = Outcome::served;  ///< when failed
  bool more = false;                  ///< the socket may hold more: receive again
};
static_assert(sizeof(IoResult) <= 16, "returned in registers");

/// A failure with its name, and errno if a call returned one.
inline IoResult failed(Outcome outcome, int error = 0) {
  return {.error = error, .kind = IoResult::Kind::failed, .outcome = outcome};
}

/// The failure that an errno of send or receive is.
IoResult failed_by(int error);

/// Bytes that were written into a buffer to be sent, and where the connection stands after them.
struct Filled {
  std::uint32_t bytes, writing, written;
};

/// What is exchanged: EchoExchange, HttpExchange.
template <class E>
concept Exchange = requires(E exchange, const E& looked_at, Connection& connection,
                            const Connection& unchanged, std::span<std::byte> room,
                            std::span<const std::byte> got, std::size_t bytes,
                            std::uint32_t message, int error) {
  /// Writes the bytes of the begun messages that follow those already sent, as far as they fit.
  /// Precondition: not all begun messages are sent.
  { exchange.fill(unchanged, room) } -> std::same_as<Filled>;
  /// Of those bytes only the first `bytes` were sent.
  { exchange.sent_part(connection, bytes) } -> std::same_as<void>;
  /// Takes the bytes that were received: adds answered messages to connection.echoed, or fails.
  { exchange.take(connection, got) } -> std::same_as<IoResult>;
  /// The peer's FIN: an end between two messages (eof), or within one (failed).
  { exchange.take_end(connection) } -> std::same_as<IoResult>;
  /// A send or a receive failed with errno `error`.
  { exchange.take_error(connection, error) } -> std::same_as<IoResult>;
  /// Bytes that count as verified for message `message`, which the last take() found answered.
  { looked_at.verified_bytes(unchanged, message) } -> std::same_as<std::uint64_t>;
  /// The wrong byte of the last `mismatch` or `foreign`.
  { looked_at.mismatch() } -> std::same_as<const std::optional<echo::Mismatch>&>;
  /// The protocol that the first bytes of the last wrong connection belong to; "" if unknown.
  { looked_at.protocol() } -> std::same_as<std::string_view>;
  /// What was wrong with the bytes of the last `parse_error`.
  { looked_at.fault() } -> std::same_as<std::string_view>;
};

}  // namespace client
