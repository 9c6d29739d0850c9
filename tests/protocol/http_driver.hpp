// Drives a protocol as a model does, without sockets: bytes in, bytes out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/http_protocol.hpp"

namespace tests {

/// One connection. It splits what it is given into reads of at most --buffer-size bytes.
class HttpDriver {
 public:
  explicit HttpDriver(const protocol::HttpSettings& settings)
      : settings_(settings), protocol_(std::make_unique<protocol::HttpProtocol>(settings)) {}

  /// Received as one read after another, until the connection ends.
  void receive(std::string_view bytes);
  /// Received in reads that end at these places.
  void receive(std::string_view bytes, const std::vector<std::size_t>& cuts);
  /// The deadline of the conversation is over.
  void time_out();
  /// The peer goes away when more than `bytes` were sent: /bytes/N may be 2^63 of them.
  void leave_after(std::size_t bytes) { leave_after_ = bytes; }

  /// All bytes sent so far.
  [[nodiscard]] const std::string& sent() const { return sent_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  /// What followed the last Turn. After::linger, close and reset end the connection for the peer.
  [[nodiscard]] protocol::After after() const { return after_; }
  [[nodiscard]] bool is_open() const { return after_ == protocol::After::read; }
  /// The peer has gone away: nothing is received or sent any more.
  [[nodiscard]] bool has_left() const { return sent_.size() > leave_after_; }
  [[nodiscard]] bool is_at_rest() const { return slot_ == nullptr; }
  [[nodiscard]] const protocol::ConversationSlot& slot() const { return slot_; }
  /// A rule of the interface that was broken; empty if none was.
  [[nodiscard]] const std::string& fault() const { return fault_; }
  /// The largest number of messages in one Turn.
  [[nodiscard]] std::uint32_t most_messages() const { return most_messages_; }
  /// The most memory that the connection kept at a time, within the protocol.
  [[nodiscard]] std::ptrdiff_t most_kept() const { return most_kept_; }

 private:
  void take(protocol::Turn turn);
  void go_on();
  /// Calls the protocol, and counts the memory that it keeps.
  template <typename Call>
  protocol::Turn counted(Call call);

  protocol::HttpSettings settings_;
  std::unique_ptr<protocol::HttpProtocol> protocol_;
  protocol::ConversationSlot slot_;
  std::string sent_;
  std::string fault_;
  std::size_t leave_after_ = std::string::npos;
  std::ptrdiff_t kept_ = 0;
  std::ptrdiff_t most_kept_ = 0;
  std::uint64_t messages_ = 0;
  std::uint32_t most_messages_ = 0;
  protocol::After after_ = protocol::After::read;
};

/// Whether the head at the beginning of `bytes`, if there is a whole one, is the same Request with
/// Boost.Beast and without.
bool is_read_alike(std::string_view bytes);

/// Settings for tests: fixed clocks.
protocol::HttpSettings fixed_settings();

}  // namespace tests
