// The reads and writes of a thread on its connection, which block at most until the deadline of the
// connection's conversation (protocol/protocol.hpp).
//
// Without one the calls themselves wait, at most for --idle-timeout (SO_RCVTIMEO
// and SO_SNDTIMEO, which the listener hands down). With one, poll(2) waits for the time that
// remains, whatever arrives meanwhile.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <span>

#include "protocol/protocol.hpp"

namespace echo_threads {

[[nodiscard]] inline bool has_deadline(const protocol::ConversationSlot& conversation) {
  return conversation &&
         conversation->deadline() != protocol::Conversation::Clock::time_point::max();
}

ssize_t receive_until_deadline(int fd, std::span<std::byte> room,
                               const protocol::Conversation& conversation);
ssize_t send_until_deadline(int fd, std::span<const std::byte> bytes,
                            const protocol::Conversation& conversation);

/// As recv(2). It fails with ETIME when the deadline is over.
inline ssize_t receive_in_time(int fd, std::span<std::byte> room,
                               const protocol::ConversationSlot& conversation) {
  if (has_deadline(conversation)) [[unlikely]]
    return receive_until_deadline(fd, room, *conversation);
  return ::recv(fd, room.data(), room.size(), 0);
}

/// As send(2). It fails with EAGAIN when the peer does not read in time. MSG_NOSIGNAL, because
/// SIGPIPE for a closed connection would end the process.
inline ssize_t send_in_time(int fd, std::span<const std::byte> bytes,
                            const protocol::ConversationSlot& conversation) {
  if (has_deadline(conversation)) [[unlikely]]
    return send_until_deadline(fd, bytes, *conversation);
  return ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

/// Does what a protocol wants after all bytes of a turn are sent: FIN, or RST when the descriptor
/// is closed. False: the connection ends.
bool stays_after(int fd, protocol::After after);

}  // namespace echo_threads
