// Waiting for something to come true, with a bound: the tests never wait for a time to pass.
#pragma once

#include <poll.h>

#include <chrono>

namespace conformance {

/// Longer than anything here should take, sanitizers on two busy cores included.
inline constexpr std::chrono::seconds patience{20};

/// Whether `holds()` came true within `bound`. Looks every millisecond.
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
