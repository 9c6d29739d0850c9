#include "tests/conformance/toy_protocol.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace conformance {
namespace {

using protocol::After;
using protocol::Turn;
using Clock = protocol::Conversation::Clock;

constexpr std::size_t request_size = 5;
constexpr std::byte poison{0xee};

std::byte byte_of(std::uint32_t number, std::size_t offset) {
  return static_cast<std::byte>(offset * 31 + offset / 251 + number * 7 + 1);
}

Clock::time_point after(ToyProtocol::Time time) {
  return time ? Clock::now() + *time : Clock::time_point::max();
}

/// Memory of this thread, which its next call for any connection overwrites: a model that keeps a
/// turn without a copy sends poison.
std::span<std::byte> scratch(std::size_t size) {
  thread_local std::vector<std::byte> bytes;
  std::fill(bytes.begin(), bytes.end(), poison);
  bytes.resize(std::max(size, bytes.size()), poison);
  return std::span(bytes).first(size);
}

}  // namespace

class ToyProtocol::Talk final : public protocol::Conversation {
 public:
  [[nodiscard]] Clock::time_point deadline() const override { return until; }

  std::vector<std::byte> input;  ///< received and not answered
  std::size_t upload = 0;        ///< bytes of a request that are still to come
  bool answers = false;          ///< an answer has begun
  std::uint32_t size = 0;        ///< of that answer
  std::size_t sent = 0;
  After then = After::read;
  bool throws = false;    ///< when it goes on
  bool discards = false;  ///< lingers
  Clock::time_point until = Clock::time_point::max();

  /// Begins the next answer if its request is complete.
  bool begin(const Options& options) {
    if (answers || input.size() < request_size) return answers;
    std::memcpy(&size, input.data() + 1, sizeof size);
    const auto letter = static_cast<char>(input.front());
    if (letter == 'U' && input.size() < request_size + size) return false;
    if (letter == 'T') throw std::runtime_error("of the test");
    const std::size_t whole = request_size + (letter == 'U' ? size : 0);
    input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(whole));
    if (letter == 'U') size = 1;
    then = letter == 'L'   ? After::linger
           : letter == 'C' ? After::close
           : letter == 'X' ? After::reset
                           : After::read;
    throws = letter == 'G';
    sent = 0;
    answers = true;
    until = after(options.answer_timeout);
    return true;
  }
};

Turn ToyProtocol::on_received(protocol::ConversationSlot& slot, std::span<std::byte> got,
                              std::span<std::byte> /*spare*/) const {
  const std::span<std::byte> memory = scratch(options_.turn_size);
  if (!slot) slot = std::make_unique<Talk>();
  auto& talk = static_cast<Talk&>(*slot);
  if (talk.discards) return {};
  if (talk.input.empty()) talk.until = after(options_.request_timeout);
  talk.input.insert(talk.input.end(), got.begin(), got.end());
  std::fill(got.begin(), got.end(), poison);
  return next_turn(slot, got.size() > memory.size() / 2
                             ? got.first(std::min(got.size(), memory.size()))
                             : memory);
}

Turn ToyProtocol::go_on(protocol::ConversationSlot& slot) const {
  if (static_cast<Talk&>(*slot).throws) throw std::runtime_error("of the test");
  return next_turn(slot, scratch(options_.turn_size));
}

Turn ToyProtocol::next_turn(protocol::ConversationSlot& slot, std::span<std::byte> room) const {
  auto& talk = static_cast<Talk&>(*slot);
  Turn turn;
  std::size_t used = 0;
  while (talk.begin(options_)) {
    const std::size_t count = std::min(room.size() - used, talk.size - talk.sent);
    for (std::size_t i = 0; i < count; ++i) room[used + i] = byte_of(talk.size, talk.sent + i);
    used += count;
    talk.sent += count;
    turn.after = After::go_on;
    if (talk.sent < talk.size) break;  // no room is left
    ++turn.messages;
    if (talk.throws) break;
    talk.answers = false;
    turn.after = talk.then;
    talk.until = talk.input.empty() ? Clock::time_point::max() : after(options_.request_timeout);
    if (talk.then != After::read) break;
    if (options_.one_message_a_turn || used == room.size()) {
      turn.after = After::go_on;
      break;
    }
  }
  turn.bytes = room.first(used);
  talk.discards = turn.after == After::linger;
  if (talk.discards) talk.until = after(options_.linger_timeout);
  if (turn.after == After::read && talk.input.empty() && !talk.answers) slot.reset();
  return turn;
}

Turn ToyProtocol::on_time(protocol::ConversationSlot& slot) const {
  auto& talk = static_cast<Talk&>(*slot);
  if (talk.discards) return {{}, 0, After::close};
  const std::span<std::byte> room = scratch(1);
  room[0] = too_late;
  talk.discards = true;
  talk.until = after(options_.linger_timeout);
  return {room, 0, After::linger};
}

std::optional<std::chrono::nanoseconds> ToyProtocol::shortest_timeout() const {
  std::optional<std::chrono::nanoseconds> shortest;
  for (const Time& time :
       {options_.request_timeout, options_.answer_timeout, options_.linger_timeout}) {
    if (time && (!shortest || *time < *shortest)) shortest = *time;
  }
  return shortest;
}

std::vector<std::byte> request(char letter, std::uint32_t number) {
  std::vector<std::byte> bytes(request_size);
  bytes[0] = static_cast<std::byte>(letter);
  std::memcpy(bytes.data() + 1, &number, sizeof number);
  return bytes;
}

std::vector<std::byte> requests(std::span<const std::vector<std::byte>> each) {
  std::vector<std::byte> all;
  for (const auto& one : each) all.insert(all.end(), one.begin(), one.end());
  return all;
}

std::vector<std::byte> answer(std::uint32_t number) {
  std::vector<std::byte> bytes(number);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_of(number, i);
  return bytes;
}

}  // namespace conformance
