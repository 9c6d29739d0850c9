#include "tests/conformance/failing_allocation.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <system_error>

namespace conformance {

constinit std::atomic<FailingAllocation::Shared*> FailingAllocation::installed{nullptr};

FailingAllocation::FailingAllocation() {
  void* page =
      ::mmap(nullptr, sizeof *shared_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  shared_ = ::new (page) Shared;
}

FailingAllocation::~FailingAllocation() {
  ::munmap(shared_, sizeof *shared_);
}

void FailingAllocation::install() {
  installed = shared_;
}

bool FailingAllocation::fails_now() noexcept {
  Shared* const shared = installed;
  if (shared == nullptr) return false;
  unsigned left = shared->left;
  do {
    if (left == 0) return false;
  } while (!shared->left.compare_exchange_weak(left, left - 1));
  if (left == 1) shared->failed = true;
  return left == 1;
}

}  // namespace conformance

// The other forms of new and delete call these. The sanitizers have their own of each, which cannot
// be replaced.
#ifdef TESTBED_REPLACES_NEW

void* operator new(std::size_t size) {
  if (conformance::FailingAllocation::fails_now()) throw std::bad_alloc{};
  void* const block = std::malloc(std::max<std::size_t>(size, 1));
  if (block == nullptr) throw std::bad_alloc{};
  return block;
}

void operator delete(void* block) noexcept {
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}

extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  if (conformance::FailingAllocation::fails_now()) return nullptr;
  void* block = nullptr;
  errno = ::posix_memalign(&block, std::max(alignment, sizeof(void*)), size);
  return errno == 0 ? block : nullptr;
}

#endif
