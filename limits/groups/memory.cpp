// Rows for address space and memory; see groups.hpp.
#include "limits/groups/groups.hpp"
#include "limits/saturating.hpp"

namespace limits {
namespace {

void warn_when_nearly_full(Verdict& row) {
  row.bytes = true;
  if (row.status == Status::ok && row.have && row.need > *row.have - *row.have / 10) {
    row.status = Status::warn;
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

}  // namespace

void add_address_rows(Rows& rows, const Ceilings& c, const Lift& lift) {
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
  Verdict& data =
      rows.add("data segment", "RLIMIT_DATA, soft", c.data.soft, per_process(&Demand::data_bytes));
  data.bytes = true;
  if (data.status == Status::short_) data.lift = lift.data(data.need, c.data.hard);
}

void add_memory_rows(Rows& rows, const Ceilings& c, const Lift& lift) {
  const Need memory_need = on_machine(&Demand::memory_bytes);
  warn_when_nearly_full(rows.add("memory", c.memory, 0, "/proc/meminfo MemAvailable", memory_need));
  Verdict& group = rows.add("cgroup memory", c.cgroup_memory, c.cgroup_memory_used, "cgroup memory",
                            memory_need);
  warn_when_nearly_full(group);
  if (group.status == Status::short_) {
    group.lift = lift.write(saturating_add(group.need, c.cgroup_memory_used), group.source);
  }
  if (!c.commit_limit) return;
  // Private writable memory counts when it is mapped, not when it is touched.
  Verdict& commit = rows.add("committed memory", c.commit_limit, c.committed,
                             "/proc/meminfo CommitLimit", on_machine(&Demand::data_bytes));
  commit.bytes = true;
  if (commit.status == Status::short_) commit.lift = lift.sysctl("vm.overcommit_memory", 0);
}

}  // namespace limits
