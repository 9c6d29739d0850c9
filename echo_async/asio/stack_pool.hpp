// Stacks for coroutines that have one: mapped once, given out again, last in first out.
//
// A stack is virtual memory; what is resident are the pages that were touched, and those of a stack
// that comes back are touched already. So a pool saves each connection two to three system calls
// and a page fault (~10 us), and keeps what the largest crowd took. malloc would save the calls as
// well, but begins a stack anywhere in a page, which touches another for half of them.
#pragma once

#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <cstdint>

namespace echo_async {

/// Used by one thread; outlives every coroutine that runs on a stack of it.
class StackPool {
 public:
  /// Sizes are rounded up to pages. With a guard (a page below that ends the program when it is
  /// touched) each stack is two memory maps of the kernel's vm.max_map_count; without, neighbours
  /// are one map, and an overflow writes into the neighbour.
  StackPool(std::uint64_t stack_size, std::uint64_t guard_size);
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  /// Throws std::bad_alloc when there is no memory, or no map.
  boost::context::stack_context allocate();
  void deallocate(const boost::context::stack_context& stack) noexcept;

  /// What Boost.Context copies into each coroutine.
  class Handle {
   public:
    explicit Handle(StackPool& pool) : pool_(&pool) {}
    boost::context::stack_context allocate() { return pool_->allocate(); }
    void deallocate(boost::context::stack_context& stack) noexcept { pool_->deallocate(stack); }

   private:
    StackPool* pool_;
  };

 private:
  /// Lies at the top of a stack that nobody uses, in the page that is touched already.
  struct Free {
    Free* next;
  };

  std::size_t stack_size_;
  std::size_t guard_size_;
  Free* free_ = nullptr;
};

}  // namespace echo_async
