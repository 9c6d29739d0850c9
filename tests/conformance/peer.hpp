// The client's end of a connection: blocking, with a time limit on each call, so that no test
// hangs.
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

/// How a connection ended, as the client saw it. silence: no end within the time limit.
enum class End { fin, reset, silence };

/// Socket buffers; `small` ones fill quickly.
enum class Buffers { usual, small };

class Peer {
 public:
  /// Connects, or throws std::system_error.
  explicit Peer(const echo::Endpoint& server, Buffers buffers = Buffers::usual);

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// False when the connection ended, or the kernel accepted nothing within the time limit.
  bool send(std::span<const std::byte> bytes);
  /// Sends until the socket has had no room for half a second; returns the bytes that the kernel
  /// accepted, at most `most`.
  std::uint64_t send_until_blocked(std::uint64_t most);
  /// Receives `count` bytes; fewer only at the end of the connection or after the time limit.
  std::vector<std::byte> receive(std::size_t count);
  /// Reads until the connection ends or the time limit has passed.
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

/// Sends message `id` of `payload` on `peer`, receives the echo and verifies it.
::testing::AssertionResult echoes(Peer& peer, const echo::Payload& payload, echo::MessageId id);

/// Whether `got` is the whole message `id`.
::testing::AssertionResult is_message(const echo::Payload& payload, echo::MessageId id,
                                      std::span<const std::byte> got);

std::vector<std::byte> message(const echo::Payload& payload, echo::MessageId id);

}  // namespace conformance
