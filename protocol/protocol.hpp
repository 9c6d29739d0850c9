// What is said on a connection, independent of who runs it.
//
// A model (thread, callback, ...) moves the bytes of a connection; a protocol decides which. It
// does no I/O and keeps no time of its own, so each model serves each protocol. The echo needs no
// state. Other protocols keep a Conversation for a connection while something is unfinished: a
// request that has come in part, an answer that has gone out in part. A connection at rest has
// none.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace protocol {

/// What a model does when the bytes of a Turn are sent.
enum class After : std::uint8_t {
  read,    ///< reads more
  go_on,   ///< calls go_on(): there is more to send, or to answer of what was received
  linger,  ///< sends FIN, and reads on until the peer's FIN or the deadline (RFC 9112, 9.6)
  close,   ///< closes: FIN
  reset    ///< closes with RST (SO_LINGER of 0 s)
};

/// The next bytes to send on a connection, and what to do after them. At most --buffer-size bytes.
struct Turn {
  /// Lie in the received bytes, or in memory of the calling thread. Valid until its next call for
  /// any connection: a model that cannot send all of them at once keeps a copy of the rest, over
  /// the received bytes if it likes.
  std::span<const std::byte> bytes;
  /// Messages that these bytes answer: the unit of --work and of the counters. With --work at most
  /// one, because the work for it is done before the bytes are sent.
  std::uint32_t messages = 0;
  After after = After::read;
};

/// The unfinished part of one connection's protocol.
class Conversation {
 public:
  using Clock = std::chrono::steady_clock;

  Conversation() = default;
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  virtual ~Conversation() = default;

  /// When the unfinished must be finished, whatever arrives until then. It counts in place of
  /// --idle-timeout. When it is over, the model calls on_time(); if it is still sending the bytes
  /// of a Turn, it closes the connection, because the peer does not read. Event loops notice it a
  /// little later (Protocol::shortest_timeout()).
  [[nodiscard]] virtual Clock::time_point deadline() const { return Clock::time_point::max(); }
};

/// Nullptr at rest. The model keeps it for a connection and destroys it with the connection.
using ConversationSlot = std::unique_ptr<Conversation>;

/// One object for a server; called by all threads. What a call throws ends its connection only.
class Protocol {
 public:
  /// `echoes`: each read is answered with what it returned, and no Conversation is needed. The
  /// virtual functions are then not called.
  explicit Protocol(bool echoes = false) : echoes_(echoes) {}
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] bool echoes() const { return echoes_; }

  /// What models call for bytes that have arrived: on_received(), without a call for the echo.
  [[nodiscard]] Turn answer_to(ConversationSlot& slot, std::span<std::byte> got,
                               std::span<std::byte> spare = {}) const {
    if (echoes_) return {got, 1, After::read};
    return on_received(slot, got, spare);
  }

  /// Takes bytes that have arrived, at least one. The model sends the bytes of the Turn, and all
  /// that follow by go_on(), before it reads again: that is the back-pressure. `got` may be
  /// overwritten, and is not kept: what is not answered yet belongs into the conversation. `spare`:
  /// bytes that the Turn may lie in too; none where they would cost more than memory of the
  /// protocol's own.
  [[nodiscard]] virtual Turn on_received(ConversationSlot& slot, std::span<std::byte> got,
                                         std::span<std::byte> spare) const = 0;
  /// The next bytes, after a Turn that ended with After::go_on was sent.
  [[nodiscard]] virtual Turn go_on(ConversationSlot& slot) const = 0;
  /// The deadline of the slot's conversation is over. It moves the deadline, ends the conversation
  /// or ends the connection. After::linger is such a conversation: it discards what it receives,
  /// and returns After::close when its deadline is over.
  [[nodiscard]] virtual Turn on_time(ConversationSlot& slot) const = 0;
  /// The shortest time that lies between a call and a deadline that it sets; unset: there are no
  /// deadlines. Event loops notice a deadline up to an eighth of it late, at least 10 ms and at
  /// most 1 s.
  [[nodiscard]] virtual std::optional<std::chrono::nanoseconds> shortest_timeout() const {
    return std::nullopt;
  }

  /// Bytes that it keeps for each thread that calls it, whatever the number of connections.
  [[nodiscard]] virtual std::size_t bytes_per_thread() const { return 0; }
  /// The calling thread provides these bytes itself, and for as long as it calls the protocol:
  /// without them they come from the heap. Where each connection has a thread, its stack is there
  /// already.
  virtual void lend(std::span<std::byte> /*bytes*/) const {}

 private:
  const bool echoes_;
};

/// The echo protocol, RFC 862: sends back what it receives.
class EchoProtocol final : public Protocol {
 public:
  EchoProtocol() : Protocol(true) {}

  [[nodiscard]] std::string_view name() const override { return "echo"; }
  [[nodiscard]] Turn on_received(ConversationSlot& /*slot*/, std::span<std::byte> got,
                                 std::span<std::byte> /*spare*/) const override {
    return {got, 1, After::read};
  }
  [[nodiscard]] Turn go_on(ConversationSlot& /*slot*/) const override { return {}; }
  [[nodiscard]] Turn on_time(ConversationSlot& /*slot*/) const override { return {}; }
};

}  // namespace protocol
