// Receive lateness: how long what was received had lain in the socket before this client read it.
//
// The kernel stamps each packet when it enters the network stack (SO_TIMESTAMPNS, socket(7)), and
// recvmsg(2) returns the stamp of the last segment that it read. Earlier segments of the same read
// lay there longer. While any socket of the machine has the option, all packets of the machine are
// stamped, which costs some 0.1 us each (docs/client.md); so it is set only in runs that want it.
// One connection in 16 is stamped, spread over the order in which they are served, and of all reads
// about one in 64 takes the stamp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include <sys/types.h>

#include "client/connection/connection.hpp"
#include "client/connection/wall_clock.hpp"
#include "echo/descriptor.hpp"

namespace client {

/// Keeps the kernel's stamps on while it exists. Otherwise each end of the last stamped connection
/// would switch them off, and the next one on: the kernel patches its code for that.
class PacketTimestamps {
 public:
  explicit PacketTimestamps(bool on);

 private:
  echo::Descriptor socket_;
};

class ReceiveSampler {
 public:
  using Record = std::function<void(Nanoseconds)>;
  /// One connection in this many is stamped.
  static constexpr std::uint32_t of_each = 16;

  /// Begins to sample a loop with `connections` entries. `record` gets the lateness of each sampled
  /// read.
  void begin(std::uint32_t connections, Record record);
  /// The loop's connection `ordinal`, counted from 0, is established.
  void established(std::uint32_t ordinal, Connection& connection) {
    if (record_ && ordinal % of_each == 0) stamp(connection);
  }
  /// Whether the next read of `connection` is to be sampled, by receive().
  bool due(const Connection& connection) { return connection.stamped && --until_next_ <= 0; }
  /// As echo::raw_receive(), and records the lateness if the kernel gave a stamp.
  ssize_t receive(int fd, std::span<std::byte> room);

 private:
  static void stamp(Connection& connection);
  void choose_next();

  Record record_;
  // Of the reads of stamped connections:
  std::uint32_t gap_ = 1;  ///< between two samples, on average
  std::int32_t until_next_ = 0;
  std::uint64_t sampled_ = 0;
  std::optional<WallClock> wall_clock_;
};

}  // namespace client
