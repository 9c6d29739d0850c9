#include "client/fleet/rendezvous.hpp"

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace client {
namespace {

/// The last part of a wait: poll(2) counts in milliseconds, and may be late by one.
constexpr std::chrono::milliseconds precise_part{3};
constexpr std::chrono::seconds longest_poll{60};

}  // namespace

bool sleep_until(Nanoseconds due, const echo::Stop& stop) {
  for (;;) {
    if (stop.draining()) return false;
    const Nanoseconds left = due - precise_part - now();
    if (left.count() <= 0) break;
    pollfd entry{stop.drain_fd(), POLLIN, 0};
    const auto slice =
        std::chrono::ceil<std::chrono::milliseconds>(std::min<Nanoseconds>(left, longest_poll));
    if (::poll(&entry, 1, static_cast<int>(slice.count())) < 0) echo::pause_after_failed_wait();
  }
  const timespec at{.tv_sec = due.count() / 1'000'000'000, .tv_nsec = due.count() % 1'000'000'000};
  while (now() < due) ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
  return true;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "-";
}

}  // namespace client
