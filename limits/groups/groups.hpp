// The rows of a preflight by group: what counts against each limit, how much of it other programs
// use already, and what happens when it is exceeded.
//
// preflight.cpp calls them all; task_shortage.cpp those that refuse a thread.
#pragma once

#include <cstdint>

#include "limits/lift.hpp"
#include "limits/preflight.hpp"
#include "limits/rows.hpp"

namespace limits {

/// What bounds threads and processes: RLIMIT_NPROC, pid_max, threads-max, pids.max.
void add_task_rows(Rows& rows, const Ceilings& ceilings, const Lift& lift);

/// What bounds the address space of a process: memory maps, RLIMIT_AS, RLIMIT_DATA, the processor.
void add_address_rows(Rows& rows, const Ceilings& ceilings, const Lift& lift);

/// Memory of the machine and of the control groups.
void add_memory_rows(Rows& rows, const Ceilings& ceilings, const Lift& lift);

/// Local ports, connection tracking, the memory of TCP; `backlog` 0: no row for the accept queue.
void add_network_rows(Rows& rows, const Demands& demands, const Ceilings& ceilings,
                      const Lift& lift, std::uint64_t backlog);

/// The CPU quota of the control groups.
void add_quota_row(Rows& rows, const Ceilings& ceilings, const Lift& lift);

}  // namespace limits
