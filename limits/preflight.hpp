// Compares demand with ceilings: which limit is reached first, at which N, and the command that
// lifts it.
//
// Pure: everything read from the machine is passed in as Ceilings, so that the tests are tables.
// pthread_create reports each of its causes as EAGAIN; here each cause has its own row, because the
// errno cannot distinguish them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "limits/demand.hpp"
#include "limits/kernel.hpp"
#include "limits/rlimit.hpp"

namespace limits {

/// Everything that the preflight compares with, read once.
struct Ceilings {
  Rlimit open_files;
  Rlimit processes;
  Rlimit address_space;
  bool exempt_from_processes = false;
  bool can_raise_hard = false;
  std::optional<Ceiling> nr_open, file_max, pid_max, threads_max, max_map_count, somaxconn;
  std::optional<Ceiling> cgroup_tasks, cgroup_memory, memory;
  std::uint64_t files_open = 0, threads_running = 0, cgroup_tasks_used = 0, cgroup_memory_used = 0;
  std::optional<Ceiling> conntrack_max;  ///< only where the kernel has connection tracking loaded
  std::uint64_t conntrack_used = 0;
  PortRange ports;
  Rlimit data = {};                        ///< RLIMIT_DATA: thread stacks count against it too
  bool exempt_from_file_max = false;       ///< CAP_SYS_ADMIN
  bool root = true;                        ///< uid 0: commands need no sudo
  std::uint64_t processes_used = 0;        ///< tasks that this user already has (RLIMIT_NPROC)
  std::uint64_t ancestors_open_files = 0;  ///< what a new shell can have; 0: unknown
  /// CPU quota of the cgroups, in percent of one processor; nullopt: no controller, no row.
  std::optional<Ceiling> cpu_quota = {};
  std::uint64_t processors = 0;               ///< online
  std::optional<Ceiling> epoll_watches = {};  ///< of each user; how many are used cannot be read
  std::optional<std::uint64_t> process_ids_used = {};  ///< nullopt: as `threads_running`
  /// kernel.pid_max of the pid namespaces around this one holds too, and cannot be read.
  bool inner_pid_namespace = false;
  std::optional<Ceiling> commit_limit = {};  ///< only where vm.overcommit_memory is 2
  std::uint64_t committed = 0;
  std::optional<Ceiling> tcp_pages = {};  ///< nullopt: not visible in this network namespace
  std::uint64_t tcp_pages_used = 0;

  /// The largest number of descriptors that a table can be made to hold without a privilege that
  /// this process lacks.
  [[nodiscard]] std::uint64_t descriptors_of_a_table() const;
};
/// Reads them all below `root`; rlimits are those of this process.
Ceilings read_ceilings(const Kernel& kernel);

enum class Status { ok, warn, short_, unknown };

/// One row: "open files  ulimit -n  have 1024  need 10016  short  ulimit -n 10016".
struct Verdict {
  std::string name;                   ///< "open files"
  std::string source;                 ///< "RLIMIT_NOFILE, hard" or "/proc/sys/..."
  std::optional<std::uint64_t> have;  ///< what is available; nullopt: unknown or unlimited
  std::uint64_t need = 0;
  Status status = Status::ok;
  std::optional<std::uint64_t>
      bites_at;  ///< the smallest N >= 1 (the same for all demands) that exceeds it; nullopt: none
  /// The exact command to type. Empty where the limit suffices, or no command lifts it that far.
  std::string lift;
  bool bytes = false;        ///< have and need are bytes, not a count
  std::string symptom = {};  ///< the errno, or what else shows, when it is reached
  std::string who = {};      ///< who may lift it
};

/// "ok", "warn", "short", "unknown".
std::string_view status_name(Status status);

/// The programs that share the machine. A limit per process is compared with each demand, a limit
/// per machine with their sum ("both ends on one host count double").
using Demands = std::vector<Demand>;

/// One row per limit, sorted by bites_at: ascending, unknown last. `backlog` 0: no row for the
/// accept queue (a client).
std::vector<Verdict> preflight(const Demands& demands, const Ceilings& ceilings,
                               std::uint64_t backlog);

/// The first row whose limit is too small, or nullptr.
const Verdict* first_refusal(const std::vector<Verdict>& verdicts);

/// One line for stderr: what is short, have, need, and the command to type.
std::string refusal_line(const Verdict& verdict);

}  // namespace limits
