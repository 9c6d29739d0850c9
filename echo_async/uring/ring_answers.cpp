// What a RingExchange sends: the turns of the protocol, one after the other.
#include <sys/socket.h>

#include <cstring>
#include <exception>
#include <utility>

#include "echo_async/uring/ring_exchange.hpp"

namespace echo_async {
namespace {

using protocol::After;

/// Replies that may wait behind the pending send before receiving stops. The kernel completes an
/// armed recv up to 32 times at once, so another 16 may still come before it has ended.
constexpr std::uint64_t max_waiting = 16;

}  // namespace

bool RingExchange::answer(RingConnection& connection, int fd, std::span<std::byte> message,
                          std::uint16_t buffer) {
  if (connection.failed) return false;
  try {
    const protocol::Turn turn = serving_.protocol.answer_to(connection.conversation, message);
    if (turn.messages > 0) serving_.work.compute();
    const bool is_whole = turn.messages == 1 && turn.after == After::read && !turn.bytes.empty();
    if (!is_whole || serving_.work.sleeps() || connection.sending || connection.unsent) {
      add_to_unsent(connection, fd, turn);  // replies keep their order
      return false;
    }
    if (turn.bytes.data() != message.data())
      std::memmove(message.data(), turn.bytes.data(), turn.bytes.size());
    connection.reply_size = static_cast<std::uint32_t>(turn.bytes.size());
    connection.buffer = buffer;
    // The rest goes to the unsent replies.
    send(connection, fd, {message.data(), turn.bytes.size()}, MSG_DONTWAIT);
    return true;
  } catch (const std::exception&) {  // a bug or no memory ends this connection only
    serving_.counters.shed(server::Shed::exception);
    fail(connection, fd);
  }
  return false;
}

void RingExchange::add_to_unsent(RingConnection& connection, int fd, const protocol::Turn& turn) {
  connection.after = turn.after;
  if (turn.bytes.empty()) {
    serving_.counters.echoed(0, turn.messages, 0);
  } else {
    unsent_of(connection).add(turn.bytes, turn.messages);
    if (connection.unsent->waiting_messages() >= max_waiting) stop_receiving(connection, fd);
  }
  if (turn.messages > 0 && serving_.work.sleeps()) {
    sleepers_.push_back({Clock::now() + serving_.work.amount(), fd});
    connection.sleeps = true;
  }
}

template <typename Next>
void RingExchange::answer_with(RingConnection& connection, int fd, Next next) {
  try {
    const protocol::Turn turn = next(connection.conversation);
    if (turn.messages > 0) serving_.work.compute();
    add_to_unsent(connection, fd, turn);
  } catch (const std::exception&) {
    serving_.counters.shed(server::Shed::exception);
    fail(connection, fd);
  }
}

bool RingExchange::act(RingConnection& connection, int fd) {
  if (connection.failed || connection.ended_by_protocol()) return false;
  switch (connection.after) {
    case After::read:
      if (!connection.conversation || connection.receiving || connection.ended) return false;
      if (!connection.is_overdue(Clock::now())) return false;
      answer_with(connection, fd, [this](protocol::ConversationSlot& conversation) {
        return serving_.protocol.on_time(conversation);
      });
      return true;
    case After::go_on:
      answer_with(connection, fd, [this](protocol::ConversationSlot& conversation) {
        return serving_.protocol.go_on(conversation);
      });
      return true;
    case After::linger:
      ::shutdown(fd, SHUT_WR);
      connection.after = After::read;
      return true;
    case After::reset: {
      const linger at_once{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      break;
    }
    case After::close:
      break;
  }
  connection.ended = true;  // no request is pending: none was armed for a connection that ends
  return false;
}

void RingExchange::on_deadline(RingConnection& connection, int fd) {
  if (!connection.is_answered()) {  // the peer does not read
    serving_.counters.timed_out();
    fail(connection, fd);
  }
  // The recv must end first: act() continues when it has completed.
  stop_receiving(connection, fd);
  proceed(connection, fd);
}

}  // namespace echo_async
