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

/// How long eventually() did not run in this thread, in all. A virtual machine may stand still for
/// a minute (its kernel then reports a lockup), and the programs of the test stand with it.
inline nanoseconds& time_away() {
  thread_local nanoseconds total{};
  return total;
}

/// Whether `holds()` becomes true within `bound`. Checks every millisecond, after a moment every
/// ten: many programs wait at once, and the checks cost more than they do. Time away does not
/// count.
template <typename Condition>
bool eventually(Condition holds, nanoseconds bound = patience) {
  constexpr milliseconds away{500};
  auto last = std::chrono::steady_clock::now();
  auto until = last + bound;
  int checks = 0;
  while (!holds()) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last > away) {
      time_away() += now - last;
      until += now - last;
    }
    if (now >= until) return holds();
    last = now;
    ::poll(nullptr, 0, ++checks < 50 ? 1 : 10);
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
