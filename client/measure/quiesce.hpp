// Waiting until a run has left no trace: between two rounds of --repeat, so that the second starts
// where the first did, and the server's resident memory can be compared.
//
// A server gives memory back some tenths of a second late, and a TIME_WAIT keeps a port for a
// minute; nobody announces either. So it is asked every 20 ms, and the wait has a bound.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/measure/observe.hpp"
#include "echo/stop.hpp"

namespace client {

/// When is it still? Pure: fed with readings, on a clock of the caller's.
class Stillness {
 public:
  using Nanoseconds = std::chrono::nanoseconds;
  /// Memory that has not changed for this long is taken to stay.
  static constexpr std::chrono::milliseconds still_for{200};

  explicit Stillness(std::uint64_t time_wait_at_most) : time_wait_at_most_(time_wait_at_most) {}

  /// True when both are as wanted. What is not known is not waited for.
  bool reached(Nanoseconds at, const std::optional<std::uint64_t>& resident,
               const std::optional<std::uint64_t>& time_wait);

 private:
  std::uint64_t time_wait_at_most_;
  bool looked_ = false;
  std::uint64_t resident_ = 0;  ///< the same since since_
  Nanoseconds since_{};
};

/// What a wait came to.
struct Quiesced {
  bool settled = false;  ///< false: the bound or the stop came first
  std::chrono::nanoseconds took{};
  std::optional<std::uint64_t> server_resident;  ///< bytes, at the end of it
  std::optional<std::uint64_t> time_wait;        ///< sockets of this network namespace, likewise
};

/// Returns when the server's resident memory has been the same for 200 ms and at most
/// `time_wait_at_most` sockets are in TIME_WAIT; after `at_most`; or as soon as `stop` drains.
Quiesced quiesce(const Observer& observer, std::uint64_t time_wait_at_most,
                 std::chrono::nanoseconds at_most, const echo::Stop& stop);

}  // namespace client
