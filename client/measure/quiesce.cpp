#include "client/measure/quiesce.hpp"

#include <poll.h>

#include <algorithm>
#include <thread>

#include "limits/tcp_counters.hpp"

namespace client {

bool QuiesceCheck::reached(Nanoseconds at, const std::optional<std::uint64_t>& resident,
                           const std::optional<std::uint64_t>& time_wait) {
  const std::uint64_t bytes = resident.value_or(0);
  if (!looked_ || bytes != resident_) {
    looked_ = true;
    resident_ = bytes;
    since_ = at;
  }
  const bool memory_stable = !resident || at - since_ >= stable_for;
  return memory_stable && time_wait.value_or(0) <= time_wait_at_most_;
}

Quiesced quiesce(const Observer& observer, std::uint64_t time_wait_at_most,
                 std::chrono::nanoseconds at_most, const echo::Stop& stop) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds look_every{20};
  const Clock::time_point begun = Clock::now();
  QuiesceCheck check{time_wait_at_most};
  Quiesced seen;
  for (;;) {
    seen.server_resident = observer.quick_memory().server;
    seen.time_wait = limits::read_tcp_counters().time_wait;
    seen.took = Clock::now() - begun;
    seen.settled = check.reached(seen.took, seen.server_resident, seen.time_wait);
    if (seen.settled || seen.took >= at_most) return seen;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(at_most - seen.took);
    pollfd stopped{stop.drain_fd(), POLLIN, 0};
    const int ready = ::poll(&stopped, 1, static_cast<int>(std::min(left, look_every).count()));
    if (ready > 0 || stop.draining()) return seen;
    if (ready < 0) std::this_thread::sleep_for(std::min(left, look_every));
  }
}

}  // namespace client
