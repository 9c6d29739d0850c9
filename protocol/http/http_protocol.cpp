#include "protocol/http/http_protocol.hpp"

#include <memory>
#include <utility>

#include "protocol/http/answer.hpp"
#include "protocol/http/exchange.hpp"
#include "protocol/http/thread_memory.hpp"

namespace protocol {
namespace {

/// An Exchange with something unfinished.
class HttpConversation final : public Conversation {
 public:
  explicit HttpConversation(Exchange&& exchange) : exchange_(std::move(exchange)) {}
  [[nodiscard]] Clock::time_point deadline() const override { return exchange_.deadline(); }
  Exchange& exchange() { return exchange_; }

 private:
  Exchange exchange_;
};

/// Where the Turns of this thread lie: `size` bytes.
std::span<std::byte> room_of_thread(std::size_t size) {
  return thread_memory(size).room.first(size);
}

bool ends(const Turn& turn) {
  return turn.after == After::close || turn.after == After::reset;
}

/// Calls `call` with the slot's Exchange, which ends when it is at rest.
template <typename Call>
Turn turn_in(ConversationSlot& slot, Call call) {
  Exchange& exchange = static_cast<HttpConversation&>(*slot).exchange();
  const Turn turn = call(exchange);
  if (ends(turn) || exchange.is_at_rest()) slot.reset();
  return turn;
}

}  // namespace

Turn HttpProtocol::on_received(ConversationSlot& slot, std::span<std::byte> got,
                               std::span<std::byte> spare) const {
  // A head, a short body, and what may be echoed: an answer in two turns would need the other room
  // too.
  const std::size_t enough = largest_head + 64 + got.size();
  const auto room = spare.size() >= enough ? spare : room_of_thread(settings_.buffer_size);
  if (slot) {
    return turn_in(slot,
                   [&](Exchange& exchange) { return exchange.on_received(settings_, got, room); });
  }
  Exchange exchange;
  const Turn turn = exchange.on_received(settings_, got, room);
  if (!ends(turn) && !exchange.is_at_rest())
    slot = std::make_unique<HttpConversation>(std::move(exchange));
  return turn;
}

Turn HttpProtocol::go_on(ConversationSlot& slot) const {
  if (!slot) return {};
  return turn_in(slot, [&](Exchange& exchange) {
    return exchange.go_on(settings_, room_of_thread(settings_.buffer_size));
  });
}

Turn HttpProtocol::on_time(ConversationSlot& slot) const {
  if (!slot) return {};
  return turn_in(slot, [&](Exchange& exchange) {
    return exchange.on_time(settings_, room_of_thread(settings_.buffer_size));
  });
}

std::size_t HttpProtocol::bytes_per_thread() const {
  return thread_memory_size;
}

void HttpProtocol::lend(std::span<std::byte> bytes) const {
  lend_to_thread(bytes);
}

}  // namespace protocol
