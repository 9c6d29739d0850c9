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

namespace {

void* allocate(std::size_t size) noexcept {
  void* const place = std::malloc(size == 0 ? 1 : size);
  if (place == nullptr) return nullptr;
  auto& count = tests::allocations();
  ++count.calls;
  count.bytes += size;
  count.kept += static_cast<std::ptrdiff_t>(::malloc_usable_size(place));
  count.most_kept = std::max(count.most_kept, count.kept);
  return place;
}

void* allocate_or_throw(std::size_t size) {
  void* const place = allocate(size);
  if (place == nullptr) throw std::bad_alloc{};
  return place;
}

void release(void* place) noexcept {
  if (place == nullptr) return;
  tests::allocations().kept -= static_cast<std::ptrdiff_t>(::malloc_usable_size(place));
  std::free(place);
}

}  // namespace

// Replaced for the whole program, and all of them: the address sanitizer has its own, which do not
// call each other. Those with an alignment are not used here.
void* operator new(std::size_t size) {
  return allocate_or_throw(size);
}
void* operator new[](std::size_t size) {
  return allocate_or_throw(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void operator delete(void* place) noexcept {
  release(place);
}
void operator delete[](void* place) noexcept {
  release(place);
}
void operator delete(void* place, std::size_t) noexcept {
  release(place);
}
void operator delete[](void* place, std::size_t) noexcept {
  release(place);
}
void operator delete(void* place, const std::nothrow_t&) noexcept {
  release(place);
}
void operator delete[](void* place, const std::nothrow_t&) noexcept {
  release(place);
}
