// Compares demand with ceilings; see preflight.hpp. The commands that lift a limit: lift.hpp.
//
// Each function below handles one group of limits: what counts against it, how much of it other
// programs use already, and what happens when it is exceeded.
#include "limits/preflight.hpp"

#include <algorithm>
#include <utility>

#include "limits/lift.hpp"
#include "limits/quantity.hpp"
#include "limits/rows.hpp"
#include "limits/saturating.hpp"

namespace limits {
namespace {

/// File handles are shared: an exempt process may exceed the limit, and all others then reach it.
void exempt_from_shared(Verdict& row) {
  row.source += " (exempt)";
  row.bites_at.reset();
  if (row.status == Status::short_) row.status = Status::warn;
}

void warn_when_nearly_full(Verdict& row) {
  row.bytes = true;
  if (row.status == Status::ok && row.have && row.need > *row.have - *row.have / 10) {
    row.status = Status::warn;
  }
}

/// The descriptors that a model's own interface can name. Only another model lifts this limit.
void add_number_row(Rows& rows, const Demands& demands) {
  for (const Demand& demand : demands) {
    if (demand.traits.descriptors_below == 0) continue;
    const Need need = [](const Demands& all) {
      std::uint64_t most = 0;
      for (const Demand& one : all) {
        if (one.traits.descriptors_below > 0) most = std::max(most, one.descriptors());
      }
      return most;
    };
    rows.add("descriptor numbers", "FD_SETSIZE, select(2)", demand.traits.descriptors_below, need);
    return;
  }
}

/// "" with one table; else " (each of 11 tables)", of both ends where they differ.
std::string of_tables(const Demands& demands, std::uint64_t ceiling) {
  std::string counts;
  bool several = false;
  for (const Demand& demand : demands) {
    const std::uint64_t tables = demand.divided(ceiling).tables;
    several = several || tables > 1;
    counts += (counts.empty() ? "" : " and ") + format_count(tables);
  }
  return several ? " (each of " + counts + " descriptor tables)" : "";
}

/// RLIMIT_NOFILE bounds a table of descriptors: what counts is the fullest one.
void add_descriptor_rows(Rows& rows, const Demands& demands, const Ceilings& c, const Lift& lift) {
  const std::uint64_t ceiling = c.descriptors_of_a_table();
  const Need need = [ceiling](const Demands& all) {
    std::uint64_t most = 0;
    for (const Demand& demand : all) most = std::max(most, demand.divided(ceiling).descriptors());
    return most;
  };
  const std::string tables = of_tables(demands, ceiling);
  if (c.can_raise_hard && c.nr_open) {
    Verdict& row = rows.add("open files", c.nr_open->source + tables, c.nr_open->value, need);
    if (row.status == Status::short_) row.lift = lift.sysctl("fs.nr_open", row.need);
  } else {
    Verdict& row = rows.add("open files", "RLIMIT_NOFILE, hard" + tables, c.open_files.hard, need);
    if (row.status == Status::short_) row.lift = lift.open_files(row.need, c.open_files.hard);
    Verdict& top = rows.add("open files, highest", c.nr_open, 0, "/proc/sys/fs/nr_open", need);
    if (top.status == Status::short_) top.lift = lift.sysctl("fs.nr_open", top.need);
  }
  Verdict& row = rows.add("open files, machine", c.file_max, c.files_open, "/proc/sys/fs/file-max",
                          on_machine(&Demand::files));
  if (row.status == Status::short_) {
    row.lift = lift.shared_sysctl("fs.file-max", saturating_add(row.need, c.files_open));
  }
  if (c.exempt_from_file_max && c.file_max) exempt_from_shared(row);
}

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

  const std::uint64_t pids_used = saturating_add(c.threads_running, reserved_pids);
  Verdict& pids = rows.add("process ids", c.pid_max, pids_used, "/proc/sys/kernel/pid_max", need);
  if (pids.status == Status::short_) {
    pids.lift = lift.shared_sysctl("kernel.pid_max", saturating_add(pids.need, pids_used));
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

/// The address space that a processor gives to a process. Only stacks of 32 MiB or more reach it
/// before the kernel runs out of process ids (PID_MAX_LIMIT), so other demands get no row.
void add_user_address_row(Rows& rows, const Need& need) {
  constexpr std::uint64_t user_addresses = 1ULL << 47;
  constexpr std::uint64_t most_tasks = 4'194'304;
  if (!rows.reach(need, user_addresses, most_tasks)) return;
  rows.add("user addresses", "47 bits of an address, x86-64", user_addresses, need).bytes = true;
}

void add_memory_rows(Rows& rows, const Ceilings& c, const Lift& lift) {
  Verdict& maps = rows.add("memory maps", c.max_map_count, 0, "/proc/sys/vm/max_map_count",
                           per_process(&Demand::maps));
  if (maps.status == Status::short_) maps.lift = lift.sysctl("vm.max_map_count", maps.need);

  const Need virtual_need = per_process(&Demand::virtual_bytes);
  add_user_address_row(rows, virtual_need);
  Verdict& space = rows.add("address space", "RLIMIT_AS, soft", c.address_space.soft, virtual_need);
  space.bytes = true;
  if (space.status == Status::short_) {
    space.lift = lift.address_space(space.need, c.address_space.hard);
  }
  Verdict& data = rows.add("data segment", "RLIMIT_DATA, soft", c.data.soft, virtual_need);
  data.bytes = true;
  if (data.status == Status::short_) data.lift = lift.data(data.need, c.data.hard);

  const Need memory_need = on_machine(&Demand::memory_bytes);
  warn_when_nearly_full(rows.add("memory", c.memory, 0, "/proc/meminfo MemAvailable", memory_need));
  Verdict& group = rows.add("cgroup memory", c.cgroup_memory, c.cgroup_memory_used, "cgroup memory",
                            memory_need);
  warn_when_nearly_full(group);
  if (group.status == Status::short_) {
    group.lift = lift.write(saturating_add(group.need, c.cgroup_memory_used), group.source);
  }
}

/// A port range counts as full at half: beyond that connect() searches up to 12 times as long.
void add_port_rows(Rows& rows, const Demands& demands, const Ceilings& c, const Lift& lift) {
  for (const Demand& client : demands) {
    if (!client.takes_ports) continue;
    const std::uint64_t have = saturating_multiply(client.sources, c.ports.count() / 2);
    std::string source = "/proc/sys/net/ipv4/ip_local_port_range (half of it";
    if (client.sources > 1) source += ", x " + format_count(client.sources) + " sources";
    Verdict& row = rows.add("local ports", source + ")", have, most_connections);
    if (row.status == Status::short_) row.lift = lift.ports(client, c.ports);
  }
}

/// The kernel queues min(backlog, somaxconn) + 1 connections that wait for accept(). Further SYNs
/// of one burst are retried after a second. That is slow but not a refusal, so the row is a warning
/// at most.
void add_backlog_row(Rows& rows, const Ceilings& c, const Lift& lift, std::uint64_t backlog) {
  const Need need = [](const Demands& demands) {
    constexpr std::uint64_t burst = 4'096;
    return std::min(most_connections(demands), burst);
  };
  std::optional<Ceiling> queue = c.somaxconn;
  if (queue) queue->value = saturating_add(std::min(backlog, queue->value), 1);
  Verdict& row = rows.add("listen backlog", queue, 0, "/proc/sys/net/core/somaxconn", need);
  row.bites_at.reset();
  if (row.status != Status::short_) return;
  row.status = Status::warn;
  row.lift = lift.backlog(row.need, backlog, c.somaxconn->value);
}

/// The table of nf_conntrack, which drops packets when it is full. Over loopback too, a connection
/// has one entry, which both ends share. Whether the kernel tracks depends on the firewall's rules,
/// which cannot be read without privilege, so the row is a warning at most.
void add_conntrack_row(Rows& rows, const Ceilings& c, const Lift& lift) {
  if (!c.conntrack_max) return;
  Verdict& row = rows.add("tracked connections", c.conntrack_max, c.conntrack_used,
                          "/proc/sys/net/netfilter/nf_conntrack_max", most_connections);
  row.bites_at.reset();
  if (row.status != Status::short_) return;
  row.status = Status::warn;
  row.lift = lift.shared_sysctl("net.netfilter.nf_conntrack_max",
                                saturating_add(row.need, c.conntrack_used));
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

}  // namespace

std::uint64_t Ceilings::descriptors_of_a_table() const {
  const std::uint64_t highest = nr_open ? nr_open->value : unlimited;
  return can_raise_hard ? highest : std::min(highest, open_files.hard);
}

std::vector<Verdict> preflight(const Demands& asked, const Ceilings& ceilings,
                               std::uint64_t backlog) {
  const Lift lift{ceilings.root, ceilings.can_raise_hard, ceilings.ancestors_open_files};
  Demands demands = asked;
  for (Demand& demand : demands) demand = demand.divided(ceilings.descriptors_of_a_table());
  Rows rows(demands);
  add_number_row(rows, demands);
  add_descriptor_rows(rows, demands, ceilings, lift);
  add_task_rows(rows, ceilings, lift);
  add_memory_rows(rows, ceilings, lift);
  add_port_rows(rows, demands, ceilings, lift);
  add_conntrack_row(rows, ceilings, lift);
  add_quota_row(rows, ceilings, lift);
  if (backlog > 0) add_backlog_row(rows, ceilings, lift, backlog);
  return std::move(rows).sorted();
}

const Verdict* first_refusal(const std::vector<Verdict>& verdicts) {
  const auto found = std::find_if(verdicts.begin(), verdicts.end(), [](const Verdict& verdict) {
    return verdict.status == Status::short_;
  });
  return found == verdicts.end() ? nullptr : &*found;
}

std::string task_shortage(const Ceilings& ceilings) {
  Demand one_more;
  one_more.traits = Traits{};
  one_more.traits.descriptors_per_connection = 0;
  one_more.traits.fixed_threads = 1;
  one_more.traits.fixed_descriptors = one_more.traits.fixed_maps = 0;
  const Lift lift{ceilings.root, ceilings.can_raise_hard, ceilings.ancestors_open_files};
  Rows rows({one_more});
  add_task_rows(rows, ceilings, lift);
  const auto verdicts = std::move(rows).sorted();
  if (const Verdict* refusal = first_refusal(verdicts)) return refusal_line(*refusal);
  return "one of these is reached, or memory: user processes (RLIMIT_NPROC), process ids "
         "(kernel.pid_max), threads (kernel.threads-max), cgroup tasks (pids.max)";
}

std::string refusal_line(const Verdict& verdict) {
  const auto figure = [&](std::uint64_t value) {
    return verdict.bytes ? format_bytes(value) : std::to_string(value);
  };
  std::string line = verdict.name + ": need " + figure(verdict.need);
  if (verdict.have) line += ", have " + figure(*verdict.have);
  line += " (" + verdict.source + "): ";
  if (!verdict.lift.empty()) return line + verdict.lift;
  const std::uint64_t room = verdict.bites_at ? *verdict.bites_at - 1 : 0;
  return line + "nothing lifts it; at most " + format_count(room) + " connections fit";
}

std::string_view status_name(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::warn:
      return "warn";
    case Status::short_:
      return "short";
    case Status::unknown:
      break;
  }
  return "unknown";
}

}  // namespace limits
