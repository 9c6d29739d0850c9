// Counts what operator new gave to this thread, and what of it is still there.
#pragma once

#include <cstddef>

namespace tests {

struct AllocationCount {
  std::size_t calls = 0;
  std::size_t bytes = 0;
  std::ptrdiff_t kept = 0;       ///< bytes not freed
  std::ptrdiff_t most_kept = 0;  ///< the largest value of `kept`
};

/// Of this thread. Assign to it to begin anew.
AllocationCount& allocations();

}  // namespace tests
