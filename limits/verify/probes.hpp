// One probe per limit: confines this process, asks the preflight, and uses the resource up.
//
// Each runs in a child of its own (confined_child.hpp), except `cgroup_tasks`, which starts one.
#pragma once

#include <chrono>
#include <cstdint>

#include "limits/verify/finding.hpp"

namespace limits {

Finding probe_open_files();          ///< sockets until EMFILE
Finding probe_highest_open_files();  ///< setrlimit(2) until EPERM
Finding probe_descriptor_numbers();  ///< what select(2) can name
Finding probe_epoll_watches();       ///< epoll_ctl(2) until ENOSPC

Finding probe_user_processes();  ///< threads until EAGAIN
Finding probe_process_ids();     ///< the same in a pid namespace with a low pid_max
/// The same in a control group below this process's own, which it makes and removes.
Finding probe_cgroup_tasks(std::chrono::milliseconds at_most);

Finding probe_memory_maps();     ///< stacks with guards, without threads, until ENOMEM
Finding probe_address_space();   ///< threads until EAGAIN
Finding probe_data_segment();    ///< likewise
Finding probe_user_addresses();  ///< mmap(2) until ENOMEM
Finding probe_smallest_stack();  ///< pthread_attr_setstacksize(3) until it is accepted

Finding probe_listen_backlog();  ///< connects that nobody accepts
Finding probe_local_ports();     ///< connects until EADDRNOTAVAIL

/// Starts threads that wait until one is refused, or there are `most`. Returns how many there are;
/// `error`: the refusal's.
std::uint64_t start_waiting_threads(std::uint64_t stack_bytes, std::uint64_t guard_bytes,
                                    std::uint64_t most, int& error);
/// "EMFILE"; "-" for 0.
const char* name_of_error(int error);

}  // namespace limits
