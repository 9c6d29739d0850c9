// Why a thread or a process could not be started: pthread_create(3) answers EAGAIN for each of a
// dozen causes, so the cause is worked out from the limits at that moment.
//
// Call it at once: threads that end meanwhile make room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "limits/preflight.hpp"

namespace limits {

/// A thread or process that was refused, and what its process has of the limits that it counts
/// against. Zeroes: that limit is left out.
struct RefusedTask {
  std::uint64_t stack_bytes = 0;  ///< of the thread, with its guard; 0: it was a process
  std::uint64_t guard_bytes = 0;
  std::uint64_t maps = 0;           ///< vm.max_map_count
  std::uint64_t address_bytes = 0;  ///< RLIMIT_AS
  std::uint64_t data_bytes = 0;     ///< RLIMIT_DATA
};

/// A thread of this process. Reads /proc/self/maps: ~50 ms at 65,530 maps. No large allocation:
/// maps or address space may be what is short.
RefusedTask refused_thread(std::uint64_t stack_bytes, std::uint64_t guard_bytes,
                           const std::filesystem::path& root = "/");

/// The limit that has no room for the task, as refusal_line(), or the names of all that may be the
/// cause.
std::string task_shortage(const Ceilings& ceilings, const RefusedTask& task = {});

}  // namespace limits
