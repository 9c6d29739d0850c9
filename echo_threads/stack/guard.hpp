// Guards: addresses below a stack, any access to which ends the program.
//
// Linux 6.13 can mark pages as a guard within a mapping (madvise(2), MADV_GUARD_INSTALL): the marks
// lie in the page tables and the mapping stays one. Before that a guard needs mprotect(2), which
// splits the mapping: each stack then takes two of vm.max_map_count.
#pragma once

#include <cstddef>

namespace echo_threads {

enum class GuardMethod {
  install,  ///< MADV_GUARD_INSTALL: no memory map
  protect,  ///< PROT_NONE: two memory maps for each stack
};

/// Tries MADV_GUARD_INSTALL on a page of its own and looks whether the page can still be read: an
/// emulator may accept advice that it does not know.
GuardMethod guard_method_of_this_kernel();

/// Makes `bytes` from `lowest` a guard; both are multiples of a page. False: there is no memory, or
/// no memory map left.
bool make_guard(std::byte* lowest, std::size_t bytes, GuardMethod method);

}  // namespace echo_threads
