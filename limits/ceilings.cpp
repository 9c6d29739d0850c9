// Reads what the preflight compares with; declared in preflight.hpp, which itself stays pure.
#include <unistd.h>

#include <algorithm>

#include "limits/preflight.hpp"

namespace limits {

Ceilings read_ceilings(const Kernel& kernel) {
  Ceilings ceilings;
  ceilings.open_files = read_rlimit(RLIMIT_NOFILE);
  ceilings.processes = read_rlimit(RLIMIT_NPROC);
  ceilings.address_space = read_rlimit(RLIMIT_AS);
  ceilings.data = read_rlimit(RLIMIT_DATA);
  ceilings.exempt_from_processes = exempt_from_process_limit();
  ceilings.exempt_from_file_max = exempt_from_file_max();
  ceilings.can_raise_hard = may_raise_hard_limits();
  ceilings.root = ::geteuid() == 0;
  if (!ceilings.can_raise_hard) ceilings.ancestors_open_files = ancestors_open_files();
  if (!ceilings.exempt_from_processes && ceilings.processes.soft != unlimited) {
    ceilings.processes_used = kernel.tasks_of_user(::getuid()).value_or(0);
  }

  ceilings.nr_open = kernel.sysctl("fs.nr_open");
  ceilings.file_max = kernel.sysctl("fs.file-max");
  ceilings.pid_max = kernel.sysctl("kernel.pid_max");
  ceilings.threads_max = kernel.sysctl("kernel.threads-max");
  ceilings.max_map_count = kernel.sysctl("vm.max_map_count");
  ceilings.somaxconn = kernel.sysctl("net.core.somaxconn");
  ceilings.cgroup_tasks = kernel.cgroup_tasks();
  ceilings.cgroup_memory = kernel.cgroup_memory();
  ceilings.memory = kernel.memory_available();
  ceilings.epoll_watches = kernel.sysctl("fs.epoll.max_user_watches");
  ceilings.inner_pid_namespace = kernel.in_inner_pid_namespace();
  ceilings.commit_limit = kernel.commit_limit();
  if (ceilings.commit_limit) ceilings.committed = kernel.committed().value_or(0);
  ceilings.tcp_pages = kernel.tcp_pages();
  ceilings.tcp_pages_used = kernel.tcp_pages_used().value_or(0);
  ceilings.files_open = kernel.files_open().value_or(0);
  ceilings.threads_running = kernel.threads_running().value_or(0);
  ceilings.process_ids_used = kernel.process_ids_used();
  ceilings.cgroup_tasks_used = kernel.cgroup_tasks_used().value_or(0);
  ceilings.cgroup_memory_used = kernel.cgroup_memory_used().value_or(0);
  ceilings.conntrack_max = kernel.sysctl("net.netfilter.nf_conntrack_max");
  if (const auto used = kernel.sysctl("net.netfilter.nf_conntrack_count"))
    ceilings.conntrack_used = used->value;
  ceilings.ports = kernel.port_range();
  ceilings.processors = static_cast<std::uint64_t>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
  ceilings.cpu_quota = kernel.cpu_quota();
  return ceilings;
}

}  // namespace limits
