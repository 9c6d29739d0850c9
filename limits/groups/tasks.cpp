// Rows for threads and processes, which the kernel calls tasks; see groups.hpp.
#include <optional>

#include "limits/groups/groups.hpp"
#include "limits/saturating.hpp"

namespace limits {

void add_task_rows(Rows& rows, const Ceilings& c, const Lift& lift) {
  // Pids below 300 are not reused once the counter has wrapped (kernel/pid.c).
  constexpr std::uint64_t reserved_pids = 300;
  const Need need = on_machine(&Demand::threads);

  if (c.exempt_from_processes) {
    rows.add("user processes", "RLIMIT_NPROC (exempt)", unlimited, need);
  } else {
    const std::uint64_t left = c.processes.soft == unlimited
                                   ? unlimited
                                   : saturating_subtract(c.processes.soft, c.processes_used);
    Verdict& row = rows.add("user processes", "RLIMIT_NPROC, soft", left, need);
    if (row.status == Status::short_) {
      row.lift = lift.processes(saturating_add(row.need, c.processes_used), c.processes.hard);
    }
  }

  const std::uint64_t pids_used =
      saturating_add(c.process_ids_used.value_or(c.threads_running), reserved_pids);
  Verdict& pids = rows.add("process ids", c.pid_max, pids_used, "/proc/sys/kernel/pid_max", need);
  if (pids.status == Status::short_) {
    pids.lift = lift.shared_sysctl("kernel.pid_max", saturating_add(pids.need, pids_used));
  }

  if (c.inner_pid_namespace) {
    rows.add("process ids, outside", std::nullopt, 0,
             "kernel.pid_max of the pid namespaces around this one", need);
  }

  Verdict& threads = rows.add("threads, machine", c.threads_max, c.threads_running,
                              "/proc/sys/kernel/threads-max", need);
  if (threads.status == Status::short_) {
    threads.lift =
        lift.shared_sysctl("kernel.threads-max", saturating_add(threads.need, c.threads_running));
  }

  Verdict& group =
      rows.add("cgroup tasks", c.cgroup_tasks, c.cgroup_tasks_used, "cgroup pids.max", need);
  if (group.status == Status::short_) {
    group.lift = lift.write(saturating_add(group.need, c.cgroup_tasks_used), group.source);
  }
}

/// A quota is reached by load, not by a number of connections: it bites at no N, and is a warning
/// at most. A group that has used up its quota stands still until the next period, 100 ms by
/// default.
void add_quota_row(Rows& rows, const Ceilings& c, const Lift& lift) {
  if (!c.cpu_quota) return;
  const std::uint64_t all = 100 * c.processors;
  Verdict& row = rows.add("CPU quota, % of one", c.cpu_quota, 0, "cgroup cpu.max",
                          [all](const Demands&) { return all; });
  row.bites_at.reset();
  if (row.status != Status::short_) return;
  row.status = Status::warn;
  row.lift = lift.unlimit_cpu(c.cpu_quota->source);
}

}  // namespace limits
