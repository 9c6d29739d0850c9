// Waiting for a condition to become true, with a bound: no test waits for a fixed time to pass.
#pragma once

#include <poll.h>

#include <chrono>

namespace conformance {

/// Longer than anything in these tests should take, even with sanitizers on two busy cores.
inline constexpr std::chrono::seconds patience{20};

/// Whether `holds()` became true within `bound`. Checks every millisecond.
template <typename Condition>
bool eventually(Condition holds, std::chrono::milliseconds bound = patience) {
  const auto deadline = std::chrono::steady_clock::now() + bound;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= deadline) return holds();
    ::poll(nullptr, 0, 1);
  }
  return true;
}

}  // namespace conformance
