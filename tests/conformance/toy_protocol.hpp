// A protocol of the tests that uses all that a model has to do for one: answers of any length in
// many turns, several requests in one read, each end of a connection, deadlines.
//
// A request is a letter and a number of four bytes, in the order of this machine:
//   R n  an answer of n bytes
//   L n  the same, then a lingering close; C n: then a close; X n: then a reset
//   U n  n further bytes belong to the request; its answer is one byte
//   T    throws in on_received(); G n: an answer of n bytes, then throws in go_on()
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/protocol.hpp"

namespace conformance {

class ToyProtocol final : public protocol::Protocol {
 public:
  using Time = std::optional<std::chrono::milliseconds>;

  struct Options {
    std::size_t turn_size = 1024;     ///< at most --buffer-size
    bool one_message_a_turn = false;  ///< for --work
    Time request_timeout = {};        ///< for the whole of a request
    Time answer_timeout = {};         ///< from the request to its last byte
    Time linger_timeout = std::chrono::seconds{60};
  };

  ToyProtocol() = default;
  explicit ToyProtocol(const Options& options) : options_(options) {}

  [[nodiscard]] std::string_view name() const override { return "toy"; }
  [[nodiscard]] protocol::Turn on_received(protocol::ConversationSlot& slot,
                                           std::span<std::byte> got,
                                           std::span<std::byte> spare) const override;
  [[nodiscard]] protocol::Turn go_on(protocol::ConversationSlot& slot) const override;
  [[nodiscard]] protocol::Turn on_time(protocol::ConversationSlot& slot) const override;
  [[nodiscard]] std::optional<std::chrono::nanoseconds> shortest_timeout() const override;

 private:
  class Talk;
  [[nodiscard]] protocol::Turn next_turn(protocol::ConversationSlot& slot,
                                         std::span<std::byte> room) const;

  Options options_;
};

/// The bytes of a request.
std::vector<std::byte> request(char letter, std::uint32_t number);
/// Several requests, one after the other.
std::vector<std::byte> requests(std::span<const std::vector<std::byte>> each);
/// The answer to R, L, C, X and G.
std::vector<std::byte> answer(std::uint32_t number);
/// The answer to a request that did not come in time. Then a lingering close.
inline constexpr std::byte too_late{'!'};

}  // namespace conformance
