// One connection of the load: where it is, in 64 bytes.
//
// No buffer, no timer, no callback of its own: the loop has one buffer for all, and finds what has
// timed out by a scan now and then. One cache line, because with 10,000 connections each echo finds
// its connection out of the cache, and a second line would be a second miss.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "client/connection/outcome.hpp"

namespace client {

enum class State : std::uint8_t {
  unopened,
  connecting,
  standing,  ///< established
  draining,  ///< half-closed, waiting for the peer's FIN
  ended      ///< in its bucket, descriptor closed
};

/// The times of a message in flight, on the loop's clock.
struct Flight {
  std::chrono::nanoseconds due{};   ///< from which its latency runs
  std::chrono::nanoseconds sent{};  ///< from which its timeout runs; of a connect: when it began
};

struct alignas(64) Connection {
  static constexpr std::uint32_t none = 0xffffffffU;

  Flight flight;  ///< of the message in flight, where there is one at a time
  int fd = -1;
  std::uint32_t number = 0;            ///< its number in the whole run, which names its bytes
  std::uint32_t begun = 0;             ///< messages handed over for sending
  std::uint32_t echoed = 0;            ///< of these, came back whole and right
  std::uint32_t writing = 0;           ///< the message that is being written: so far,
  std::uint32_t written = 0;           ///< so many bytes of it
  std::uint32_t received = 0;          ///< bytes of message `echoed` that came back
  std::uint32_t waiting_first = none;  ///< due messages that wait for a place (OverdueQueue)
  std::uint32_t waiting_last = none;
  State state = State::unopened;
  bool complete = false;  ///< it has done all that it was to do

  [[nodiscard]] std::uint32_t in_flight() const { return begun - echoed; }
  [[nodiscard]] bool waits() const { return waiting_first != none; }
};
static_assert(sizeof(Connection) == 64, "a million connections are meant to be 64 MB");

}  // namespace client
