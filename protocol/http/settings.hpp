// What the options of a server decide about HTTP, and the clocks that its tests replace.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <optional>

#include "protocol/protocol.hpp"

namespace protocol {

/// How a server ends a connection after each response, if it does (--http-close).
enum class HttpClose : std::uint8_t {
  none,         ///< it keeps the connection as RFC 9112 9.3 says
  announced,    ///< with "Connection: close", and a lingering close
  unannounced,  ///< with FIN: the peer finds out when it uses the connection again
  reset         ///< with RST
};

struct HttpSettings {
  std::uint64_t buffer_size = 1024;  ///< the longest Turn
  /// Bytes of a head, and of the extensions and trailers of a chunked body.
  std::uint64_t max_header = 16384;
  std::optional<std::uint64_t> max_body;
  /// From the first byte of a request until it is whole.
  std::optional<std::chrono::nanoseconds> request_timeout;
  HttpClose close = HttpClose::none;
  bool one_message_per_turn = false;  ///< for simulated work per message
  /// A lingering close lasts for this time and this number of received bytes at most.
  std::chrono::nanoseconds linger_time = std::chrono::seconds{2};
  std::uint64_t linger_bytes = 16ULL << 20U;

  /// Seconds since the epoch, for Date. Its resolution may be a tick of the kernel.
  std::time_t (*wall_clock)() = [] {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
  };
  Conversation::Clock::time_point (*steady_clock)() = [] { return Conversation::Clock::now(); };
};

}  // namespace protocol
