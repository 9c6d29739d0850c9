// One connection of the load: where it is, in 64 bytes.
//
// No buffer, no timer, no callback of its own: the loop has one buffer, and two queues that keep
// sessions in the order in which they will time out. That is why 10,000 of them fit in 640 KB.
#pragma once

#include <cstdint>

#include "client/outcome.hpp"

namespace client {

enum class State : std::uint8_t {
  unopened,
  connecting,
  ready,     ///< established, no message in flight
  echoing,   ///< a message is in flight
  draining,  ///< half-closed, waiting for the peer's FIN
  ended      ///< in its bucket, descriptor closed
};

struct Session {
  std::int64_t due_ns = 0;   ///< of the message in flight, from which its latency runs
  std::int64_t sent_ns = 0;  ///< of the connect or message in flight, from which its timeout runs
  std::uint64_t sent = 0;    ///< bytes of the message in flight
  std::uint64_t received = 0;
  int fd = -1;
  std::uint32_t next_message = 0;  ///< index of the message in flight, or of the next
  std::uint32_t previous = none;   ///< neighbours in a timeout queue
  std::uint32_t following = none;
  State state = State::unopened;
  bool complete = false;  ///< all its echoes came back
  bool queued = false;    ///< in a timeout queue

  static constexpr std::uint32_t none = 0xffffffffU;
};
static_assert(sizeof(Session) <= 64, "a million sessions are meant to be 64 MB");

}  // namespace client
