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

/// The next bytes to send on a connection, and what to do after them.
struct Turn {
  /// Lie in the received bytes, or in memory of the calling thread. Valid until its next call for
  /// any connection: a model that cannot send all of them at once keeps a copy of the rest.
  std::span<const std::byte> bytes;
  /// Messages that these bytes answer: the unit of --work and of the counters.
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

  /// When on_time() is to be called at the latest, whatever arrives until then.
  [[nodiscard]] virtual Clock::time_point deadline() const { return Clock::time_point::max(); }
};

/// Nullptr at rest. The model keeps it for a connection and destroys it with the connection.
using ConversationSlot = std::unique_ptr<Conversation>;

/// One object for a server; called by all threads.
class Protocol {
 public:
  Protocol() = default;
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;
  virtual ~Protocol() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Whether each read is answered with what it returned, and no Conversation is needed. Models
  /// then do so without calling the functions below.
  [[nodiscard]] virtual bool echoes() const { return false; }
  /// Takes bytes that have arrived. The model sends the bytes of the Turn, and all that follow by
  /// go_on(), before it reads again: that is the back-pressure. `got` may be overwritten.
  [[nodiscard]] virtual Turn on_received(ConversationSlot& slot,
                                         std::span<std::byte> got) const = 0;
  /// The next bytes, after a Turn that ended with After::go_on was sent.
  [[nodiscard]] virtual Turn go_on(ConversationSlot& slot) const = 0;
  /// The deadline of the slot's conversation is over.
  [[nodiscard]] virtual Turn on_time(ConversationSlot& slot) const = 0;
};

}  // namespace protocol
