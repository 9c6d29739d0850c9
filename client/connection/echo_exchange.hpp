// Echoes, verified byte by byte: each message must come back as it was sent.
//
// No received byte is stored: the expected bytes are computed again, and a connection keeps only
// the number of bytes received. Several messages in flight share a send and a receive where they
// fit.
#pragma once

#include "client/connection/exchange.hpp"
#include "client/schedule/sizes.hpp"

namespace client {

class EchoExchange {
 public:
  EchoExchange(const echo::Payload& payload, const MessageSizes& sizes)
      : payload_(payload), sizes_(sizes) {}

  Filled fill(const Connection& connection, std::span<std::byte> room);
  void sent_part(Connection& connection, std::size_t bytes);
  /// Bytes that were not sent yet fail as `extra`.
  IoResult take(Connection& connection, std::span<const std::byte> got);
  IoResult take_end(Connection& connection);
  static IoResult take_error(Connection& /*connection*/, int error) { return failed_by(error); }
  [[nodiscard]] std::uint64_t verified_bytes(const Connection& connection,
                                             std::uint32_t message) const {
    return size_of(connection, message);
  }
  [[nodiscard]] const std::optional<echo::Mismatch>& mismatch() const { return mismatch_; }
  [[nodiscard]] std::string_view protocol() const { return protocol_; }
  /// Any bytes are echoes, right or wrong.
  [[nodiscard]] static std::string_view fault() { return ""; }

 private:
  /// Size of message `message` of `connection`, in bytes.
  [[nodiscard]] std::uint32_t size_of(const Connection& connection, std::uint32_t message) const {
    return sizes_.of({connection.number, message});
  }
  // Not inlined, which keeps the fast paths short.
  [[gnu::noinline]] Filled fill_any(const Connection& connection, std::span<std::byte> room);
  [[gnu::noinline]] IoResult take_any(Connection& connection, std::span<const std::byte> got);

  const echo::Payload& payload_;
  const MessageSizes& sizes_;
  std::optional<echo::Mismatch> mismatch_;
  std::string_view protocol_;
};
static_assert(Exchange<EchoExchange>);

}  // namespace client
