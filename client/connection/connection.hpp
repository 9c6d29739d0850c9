// The state of one connection of the load, in 64 bytes.
//
// A connection has no buffer, no timer and no callback. The loop has one buffer for all connections
// and finds timed-out messages by an occasional scan. The state fills one cache line: with 10,000
// connections it is out of the cache at each echo, and a second line would cost a second miss.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "client/connection/outcome.hpp"

namespace client {

enum class State : std::uint8_t {
  unopened,
  connecting,
  standing,  ///< established, not yet half-closed
  draining,  ///< half-closed, waiting for the peer's FIN
  ended      ///< counted under its outcome, descriptor closed
};

/// The times of a message in flight, on the loop's clock (CLOCK_MONOTONIC).
struct Flight {
  std::chrono::nanoseconds due{};   ///< start of its latency
  std::chrono::nanoseconds sent{};  ///< start of its timeout; for a connect: its start
};

struct alignas(64) Connection {
  static constexpr std::uint32_t none = 0xffffffffU;

  Flight flight;  ///< of the message in flight, where depth is 1
  int fd = -1;
  std::uint32_t number = 0;    ///< in the whole run; part of each message's contents
  std::uint32_t begun = 0;     ///< messages queued for sending
  std::uint32_t echoed = 0;    ///< of these, verified completely
  std::uint32_t writing = 0;   ///< the message that is being written
  std::uint32_t written = 0;   ///< bytes of it written so far
  std::uint32_t received = 0;  ///< bytes of message `echoed` received so far; HTTP: 1 for any
  std::uint32_t waiting_first = none;  ///< due messages that wait to be sent (OverdueQueue)
  std::uint32_t waiting_last = none;
  std::uint32_t echoed_before = 0;  ///< of those echoed, on earlier sockets (ConnectionTable)
  State state = State::unopened;
  bool complete = false;  ///< its part of the plan is done
  bool stamped = false;   ///< the kernel stamps what it receives (ReceiveSampler)

  [[nodiscard]] std::uint32_t in_flight() const { return begun - echoed; }
  [[nodiscard]] bool waits() const { return waiting_first != none; }
  /// Whether a message was answered on the current socket.
  [[nodiscard]] bool is_reused() const { return echoed != echoed_before; }
};
static_assert(sizeof(Connection) == 64, "a million connections take 64 MB");

}  // namespace client
