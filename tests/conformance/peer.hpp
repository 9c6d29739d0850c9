// The other end of a connection: blocking, with a time limit on each call, so that no test hangs.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "echo/descriptor.hpp"
#include "echo/socket.hpp"
#include "echo/wire.hpp"

namespace conformance {

/// How a connection ended, as its peer saw it.
enum class End { fin, reset, silence };

/// Buffers that are small enough to be filled soon.
enum class Buffers { usual, small };

class Peer {
 public:
  /// Connects, or throws std::system_error.
  explicit Peer(const echo::Endpoint& server, Buffers buffers = Buffers::usual);

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// False when the connection ended, or nothing was taken for a while.
  bool send(std::span<const std::byte> bytes);
  /// Sends without waiting for room until none has come free for half a second; returns the bytes
  /// taken, at most `most`.
  std::uint64_t send_until_blocked(std::uint64_t most);
  /// As many as come, up to `count`; fewer only at the end of the connection or after long silence.
  std::vector<std::byte> receive(std::size_t count);
  /// Reads until there is nothing more to come.
  End end();
  void half_close();
  /// Closes with RST instead of FIN (SO_LINGER with 0 s).
  void reset();
  void close() { socket_.reset(); }
  /// Bytes sent that the other end's kernel has not acknowledged.
  [[nodiscard]] int unacknowledged() const;

 private:
  echo::Descriptor socket_;
  End end_ = End::silence;
};

/// Sends message `id` of `payload` on `peer` and reads it back.
::testing::AssertionResult echoes(Peer& peer, const echo::Payload& payload, echo::MessageId id);

/// Whether `got` is message `id` from its first byte on, whole.
::testing::AssertionResult is_message(const echo::Payload& payload, echo::MessageId id,
                                      std::span<const std::byte> got);

std::vector<std::byte> message(const echo::Payload& payload, echo::MessageId id);

}  // namespace conformance
