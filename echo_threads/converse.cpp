#include "echo_threads/converse.hpp"

#include <cerrno>

#include "echo_threads/blocking_io.hpp"
#include "server/send_queue.hpp"

namespace echo_threads {
namespace {

/// Works and writes the bytes of a turn: send(2) may take only a part. False: it failed.
bool write(int fd, const protocol::Turn& turn, const protocol::ConversationSlot& conversation,
           const server::Serving& serving, unsigned worker) {
  if (turn.messages > 0) serving.work.perform();
  for (auto left = turn.bytes; !left.empty();) {
    const ssize_t sent = send_in_time(fd, left, conversation);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {  // some bytes, and no message
      serving.counters.echoed(worker, 0, turn.bytes.size() - left.size());
      return false;
    }
    left = left.subspan(static_cast<std::size_t>(sent));
  }
  serving.counters.echoed(worker, turn.messages, turn.bytes.size());
  return true;
}

}  // namespace

End converse(int fd, std::span<std::byte> buffer, protocol::ConversationSlot& conversation,
             const server::Serving& serving, unsigned worker) {
  protocol::Turn turn;
  do {
    if (turn.after == protocol::After::go_on) [[unlikely]] {
      turn = serving.protocol.go_on(conversation);
    } else {
      const ssize_t received = receive_in_time(fd, buffer, conversation);
      if (received == 0) return End::eof;
      if (received < 0 && errno == EINTR) continue;
      if (received < 0 && errno != ETIME) return End::failed;
      const auto got = buffer.first(received < 0 ? 0 : static_cast<std::size_t>(received));
      turn = received < 0
                 ? serving.protocol.on_time(conversation)
                 : serving.protocol.answer_to(conversation, got, buffer.subspan(got.size()));
    }
    if (!write(fd, turn, conversation, serving, worker)) return End::failed;
  } while (turn.after == protocol::After::read || stays_after(fd, turn.after));
  if (turn.after == protocol::After::reset) server::discount_unsent(fd, serving.counters, worker);
  return End::closed;
}

}  // namespace echo_threads
