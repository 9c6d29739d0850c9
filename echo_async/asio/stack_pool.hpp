// Stacks for stackful coroutines: mapped once and reused, last in first out.
//
// A stack is virtual memory; only touched pages are resident, and those of a reused stack are
// touched already. So a pool saves ~10 us per connection (two to three system calls and a page
// fault), and keeps the stacks of the largest number of connections so far. malloc would save the
// calls too, but begins a stack anywhere in a page, which touches another page for half of them.
#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <cstdint>

namespace echo_async {

/// Used by one thread. It must outlive every coroutine that runs on one of its stacks.
class StackPool {
 public:
  /// Sizes are in bytes, rounded up to pages. With a guard (a page below that ends the program when
  /// it is touched) each stack takes two memory maps of vm.max_map_count; without one, adjacent
  /// stacks share one map, and an overflow writes into the next stack.
  StackPool(std::uint64_t stack_size, std::uint64_t guard_size);
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  /// Throws std::bad_alloc if there is no memory or no memory map left.
  boost::context::stack_context allocate();
  void deallocate(const boost::context::stack_context& stack) noexcept;

  /// The allocator that Boost.Context copies into each coroutine.
  class Handle {
   public:
    explicit Handle(StackPool& pool) : pool_(&pool) {}
    boost::context::stack_context allocate() { return pool_->allocate(); }
    void deallocate(boost::context::stack_context& stack) noexcept { pool_->deallocate(stack); }

   private:
    StackPool* pool_;
  };

 private:
  /// The link at the top of an unused stack, in the page that is touched already.
  struct Free {
    Free* next;
  };

  std::size_t stack_size_;
  std::size_t guard_size_;
  Free* free_ = nullptr;
};

}  // namespace echo_async
