// The plan of a loop: its connections, limits and traffic.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "client/schedule/pace.hpp"

namespace client {

using Nanoseconds = std::chrono::nanoseconds;

/// Now, on CLOCK_MONOTONIC.
inline Nanoseconds now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

/// A time that no clock reaches here; adding a time to it does not overflow.
inline constexpr Nanoseconds never = Pace::never;

/// Whether a connection that the server closes between two messages gets another socket, when its
/// next message is due.
enum class Reconnects : std::uint8_t {
  never,
  until_complete,  ///< as long as the connection has messages left of its plan
  always           ///< also while it has none: the plan has more than one period of messages
};

/// One loop's share of a run.
struct Plan {
  std::uint32_t connections = 1;  ///< held; in churn: open at a time, at most
  std::uint32_t first = 0;        ///< numbers in the run: first, first + stride, ...
  std::uint32_t stride = 1;
  std::uint32_t depth = 1;         ///< messages in flight on each connection
  bool churn = false;              ///< short-lived connections
  std::optional<Pace> connects{};  ///< when to begin each; nullopt: as fast as the server answers
  Nanoseconds connect_timeout{};
  Nanoseconds timeout{};  ///< per message, from its first send
  Nanoseconds deadline_at{};
  bool half_close = false;    ///< FIN after the last message, before its echo
  bool linger_reset = false;  ///< close with RST
  Reconnects reconnects = Reconnects::never;
  Nanoseconds post_every = never;  ///< post progress at post_from + k * post_every
  Nanoseconds post_from{};
  bool keep_interval = false;                 ///< a histogram of each interval, for the series
  bool receive_lateness = false;              ///< measure how long echoes lie in the sockets
  std::uint32_t retransmissions_of_each = 1;  ///< count them on one connection in this many
};

/// The two ends of a measured window.
enum class Edge : std::uint8_t { opens, closes };

/// What is sampled of a traffic, for the checks of a run.
struct Sampling {
  std::uint64_t every = 0;       ///< one send and one echo in so many, with the one before; 0: none
  std::uint64_t expected = 0;    ///< how many samples that will be, about
  Nanoseconds interval = never;  ///< length of the intervals of the measured phase
};

/// One period of messages. Times are on the clock of now().
struct Traffic {
  Nanoseconds start{};
  Nanoseconds measure_from = never;  ///< what is due earlier belongs to the warm-up
  Nanoseconds stop_at = never;       ///< nothing is due from here on
  std::uint32_t messages = 0;        ///< per connection; 0: unlimited
  std::optional<Pace> pace{};        ///< open loop, this loop's share; nullopt: closed loop
  bool first_echoes = false;         ///< the messages belong to the ramp
  bool half_close = false;           ///< FIN behind the last message of each connection
  Sampling sampling{};
  /// Called by the loop when its clock passes measure_from and stop_at. CPU clocks read here match
  /// the counted echoes, no matter when the leader gets a processor.
  std::function<void(Edge)> at_edge{};
};

/// Why a run ended before its plan was complete.
enum class StopReason : std::uint8_t { none, interrupted, deadline, server_lost };

}  // namespace client
