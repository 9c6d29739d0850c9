// A blocking wait for a peer that reads late, while a stop drains its connection.
//
// The stop has shut the connection down for reading, so recv(2) returns 0 although the peer may
// still send, and the kernel may still hold replies that the peer has not read. Those would be lost
// with the FIN (server/send_queue.hpp), so the thread pauses and reads again.
#pragma once

#include "server/model.hpp"
#include "server/send_queue.hpp"

namespace echo_threads {

class LateReader {
 public:
  LateReader(int fd, const server::Serving& serving);

  /// Call it when recv(2) has returned 0. True after a pause: read again. False: the connection
  /// ends, because the peer has all replies, or has sent FIN, or has read nothing for
  /// --idle-timeout.
  bool pauses();

  /// Whether there was a pause. Then the kernel may hold replies even now.
  [[nodiscard]] bool was_late() const { return wait_.was_late(); }

 private:
  const int fd_;
  server::Counters& counters_;
  server::SendQueueWait wait_;
};

}  // namespace echo_threads
