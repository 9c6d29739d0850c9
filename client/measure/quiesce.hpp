// Waits between two rounds of --repeat until the effects of the first are gone. The second round
// then starts from the same state, and the server's resident memory can be compared.
//
// A server frees memory some tenths of a second late, and TIME_WAIT keeps a port for a minute.
// The kernel notifies of neither, so the wait polls every 20 ms, with an upper bound.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "client/measure/observe.hpp"
#include "echo/stop.hpp"

namespace client {

/// Decides when the state is quiescent. Pure: the caller passes readings and their times.
class QuiesceCheck {
 public:
  using Nanoseconds = std::chrono::nanoseconds;
  /// Memory that has not changed for this long is considered stable.
  static constexpr std::chrono::milliseconds stable_for{200};

  explicit QuiesceCheck(std::uint64_t time_wait_at_most) : time_wait_at_most_(time_wait_at_most) {}

  /// Returns true when the memory is stable and few enough sockets are in TIME_WAIT. Unknown values
  /// are not waited for.
  bool reached(Nanoseconds at, const std::optional<std::uint64_t>& resident,
               const std::optional<std::uint64_t>& time_wait);

 private:
  std::uint64_t time_wait_at_most_;
  bool looked_ = false;
  std::uint64_t resident_ = 0;  ///< bytes, unchanged since since_
  Nanoseconds since_{};
};

/// The result of a wait.
struct Quiesced {
  bool settled = false;  ///< false: the bound or the stop ended the wait
  std::chrono::nanoseconds took{};
  std::optional<std::uint64_t> server_resident;  ///< bytes, at the end of the wait
  std::optional<std::uint64_t> time_wait;        ///< sockets of this network namespace, at the end
};

/// Returns when the server's resident memory has not changed for 200 ms and at most
/// `time_wait_at_most` sockets are in TIME_WAIT, after `at_most`, or as soon as `stop` drains.
Quiesced quiesce(const Observer& observer, std::uint64_t time_wait_at_most,
                 std::chrono::nanoseconds at_most, const echo::Stop& stop);

}  // namespace client
