#include "echo_async/asio/stack_pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <new>
#ifdef TESTBED_SANITIZES_ADDRESS
#include <sanitizer/asan_interface.h>
#endif

namespace echo_async {
namespace {

std::size_t whole_pages(std::uint64_t bytes) {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return static_cast<std::size_t>((bytes + page - 1) / page * page);
}

}  // namespace

StackPool::StackPool(std::uint64_t stack_size, std::uint64_t guard_size)
    : stack_size_(whole_pages(stack_size)), guard_size_(whole_pages(guard_size)) {}

StackPool::~StackPool() {
  while (free_ != nullptr) {
    auto* const top = reinterpret_cast<std::byte*>(free_ + 1);
    free_ = free_->next;
    ::munmap(top - stack_size_ - guard_size_, stack_size_ + guard_size_);
  }
}

boost::context::stack_context StackPool::allocate() {
  boost::context::stack_context stack;
  stack.size = stack_size_;
  if (free_ != nullptr) {
    stack.sp = free_ + 1;
    free_ = free_->next;
#ifdef TESTBED_SANITIZES_ADDRESS
    // The last frame of a coroutine never returns, so its red zones stay poisoned.
    __asan_unpoison_memory_region(static_cast<std::byte*>(stack.sp) - stack_size_, stack_size_);
#endif
    return stack;
  }
  // MAP_NORESERVE: most of it is never touched. MAP_STACK prevents huge pages (from Linux 6.7 on):
  // one of 2 MiB would make thirty stacks resident at once.
  void* const pages = ::mmap(nullptr, guard_size_ + stack_size_, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  if (guard_size_ > 0 && ::mprotect(pages, guard_size_, PROT_NONE) != 0) {
    ::munmap(pages, guard_size_ + stack_size_);
    throw std::bad_alloc();
  }
  stack.sp = static_cast<std::byte*>(pages) + guard_size_ + stack_size_;
  return stack;
}

void StackPool::deallocate(const boost::context::stack_context& stack) noexcept {
  free_ = ::new (static_cast<std::byte*>(stack.sp) - sizeof(Free)) Free{free_};
}

}  // namespace echo_async
