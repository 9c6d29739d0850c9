#include "tests/protocol/allocation_count.hpp"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace tests {

AllocationCount& allocations() {
  thread_local AllocationCount count;
  return count;
}

}  // namespace tests

// Replaced for the whole program. The arrays' versions and those with alignment call these or are
// not used here.
void* operator new(std::size_t size) {
  void* const place = std::malloc(size == 0 ? 1 : size);
  if (place == nullptr) throw std::bad_alloc{};
  auto& count = tests::allocations();
  ++count.calls;
  count.bytes += size;
  count.kept += static_cast<std::ptrdiff_t>(::malloc_usable_size(place));
  count.most_kept = std::max(count.most_kept, count.kept);
  return place;
}

void operator delete(void* place) noexcept {
  if (place == nullptr) return;
  tests::allocations().kept -= static_cast<std::ptrdiff_t>(::malloc_usable_size(place));
  std::free(place);
}

void operator delete(void* place, std::size_t /*size*/) noexcept {
  operator delete(place);
}
