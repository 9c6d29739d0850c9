// What a loop is asked to do.
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

/// A time that no clock here reaches, and that others can be added to.
inline constexpr Nanoseconds never = Pace::never;

/// One loop's share of a run.
struct Plan {
  std::uint32_t connections = 1;  ///< held, or kept in flight
  std::uint32_t first = 0;        ///< they are numbered first, first + stride, ... in the whole run
  std::uint32_t stride = 1;
  std::uint32_t depth = 1;         ///< messages in flight on each connection
  bool churn = false;              ///< connections come and go
  std::optional<Pace> connects{};  ///< when to begin each; nullopt: as fast as they are answered
  Nanoseconds connect_timeout{};
  Nanoseconds timeout{};  ///< per message, from its first send
  Nanoseconds deadline_at{};
  bool half_close = false;         ///< FIN behind the last message, before its echo
  bool linger_reset = false;       ///< close with RST
  Nanoseconds post_every = never;  ///< a note at post_from + k * post_every
  Nanoseconds post_from{};
  bool keep_interval = false;  ///< a histogram of each interval, for the series
};

/// The two ends of a measured window.
enum class Edge : std::uint8_t { opens, closes };

/// One stretch of messages. Times are on the clock of now().
struct Traffic {
  Nanoseconds start{};
  Nanoseconds measure_from = never;  ///< what is due earlier is the warm-up
  Nanoseconds stop_at = never;       ///< nothing is due from here on
  std::uint32_t messages = 0;        ///< on each connection; 0: no end
  std::optional<Pace> pace{};        ///< open loop, this loop's share; nullopt: closed loop
  bool first_echoes = false;         ///< they belong to the ramp
  /// Called by the loop itself when its clock passes measure_from and stop_at. Clocks that are read
  /// here belong to the echoes that are counted, whenever the leader gets a processor.
  std::function<void(Edge)> at_edge{};
};

/// Why a run ended before its plan did.
enum class StopReason : std::uint8_t { none, interrupted, deadline, server_lost };

}  // namespace client
