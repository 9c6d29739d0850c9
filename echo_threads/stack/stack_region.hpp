// Thread stacks that lie one after the other in one mapping (--stack-allocator region):
//
//     | guard | stack | guard | stack | ...
//
// pthread_create(3) maps each stack by itself, which takes two memory maps with its guard: with
// vm.max_map_count 65,530 a process has at most about 32,700 threads. Here all stacks are one map
// where guards are marks (guard.hpp). The mapping grows at its end, by some MiB at a time. It
// begins below a large free range, which is looked for but not reserved, so that other mappings,
// which the kernel places from the top down, do not get in its way. If one does, the region goes on
// in another place.
//
// Stacks are used again, last in first out. Like glibc's cache, it keeps only the upper pages of an
// unused stack, and those of a bounded number of stacks.
//
// Try it: ./echo_threads --stack-allocator region & ./client -n 10000 -d 9; wc -l /proc/PID/maps
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "echo_threads/stack/guard.hpp"

namespace echo_threads {

/// Used by one thread.
class StackRegion {
 public:
  /// Sizes are in bytes, rounded up to whole pages; `guard_size` 0: no guards. Maps nothing yet.
  StackRegion(std::uint64_t stack_size, std::uint64_t guard_size,
              GuardMethod method = guard_method_of_this_kernel());
  /// Unmaps all stacks. No thread may be left on one.
  ~StackRegion();
  StackRegion(const StackRegion&) = delete;
  StackRegion& operator=(const StackRegion&) = delete;

  /// The lowest byte of a stack of stack_size() bytes, for pthread_attr_setstack(3). Throws
  /// std::bad_alloc if there is no memory, no address space or no memory map left.
  std::byte* allocate();
  /// Takes back a stack whose thread was joined. Its guard stays.
  void deallocate(std::byte* stack) noexcept;

  [[nodiscard]] std::size_t stack_size() const { return stack_size_; }
  /// Mappings that the region consists of, without the divisions by mprotect(2). More than one only
  /// if other mappings were in the way.
  [[nodiscard]] std::size_t mappings() const { return mappings_.size(); }

 private:
  struct Mapping {
    std::byte* begin = nullptr;
    std::byte* end = nullptr;
  };

  void grow();
  [[nodiscard]] std::byte* map_at_the_end(std::size_t bytes);
  void prepare_lists();

  const std::size_t stack_size_;
  const std::size_t guard_size_;
  const std::size_t stride_;  ///< of a stack and its guard
  const GuardMethod method_;
  std::vector<Mapping> mappings_;
  std::byte* unused_ = nullptr;    ///< from here to the end of the last mapping, no stack began yet
  std::size_t stacks_ = 0;         ///< in all mappings
  std::vector<std::byte*> warm_;   ///< not in use, with their upper pages; a bounded number
  std::vector<std::byte*> empty_;  ///< not in use, without any page
};

}  // namespace echo_threads
