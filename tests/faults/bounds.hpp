// Time limits of the tests. Contracts state seconds on a machine with nothing else to do, but tests
// run beside others. So the quickest of three runs must hold an upper bound, and the bound is
// longer where the programs are instrumented.
#pragma once

#include <poll.h>

#include <algorithm>
#include <chrono>

namespace faults {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
inline constexpr int slower = 10;
#else
inline constexpr int slower = 1;
#endif

/// After this time a program counts as hung.
inline constexpr seconds patience{60};

/// Whether `holds()` becomes true within `bound`. Checks every millisecond.
template <typename Condition>
bool eventually(Condition holds, nanoseconds bound = patience) {
  const auto until = std::chrono::steady_clock::now() + bound;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= until) return holds();
    ::poll(nullptr, 0, 1);
  }
  return true;
}

/// The shortest of up to three values of `measure()`; no more runs once one is below `enough`.
template <typename Measure>
nanoseconds quickest(nanoseconds enough, Measure measure) {
  nanoseconds best = measure();
  for (int i = 0; i < 2 && best >= enough; ++i) best = std::min<nanoseconds>(best, measure());
  return best;
}

}  // namespace faults
