// Compares demand with ceilings; see preflight.hpp. The commands that lift a limit: lift.hpp.
//
// The rows of descriptors are below, the others in groups/. What each limit shows when it is
// reached, and who may lift it: groups/effect.cpp.
#include "limits/preflight.hpp"

#include <algorithm>
#include <utility>

#include "limits/groups/effect.hpp"
#include "limits/groups/groups.hpp"
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
  if (c.can_raise_hard) {
    rows.add("open files", "RLIMIT_NOFILE (CAP_SYS_RESOURCE raises it)" + tables, unlimited, need);
  } else {
    Verdict& row = rows.add("open files", "RLIMIT_NOFILE, hard" + tables, c.open_files.hard, need);
    if (row.status == Status::short_) row.lift = lift.open_files(row.need, c.open_files.hard);
  }
  Verdict& top = rows.add("open files, highest", c.nr_open, 0, "/proc/sys/fs/nr_open", need);
  if (top.status == Status::short_) top.lift = lift.sysctl("fs.nr_open", top.need);
  Verdict& row = rows.add("open files, machine", c.file_max, c.files_open, "/proc/sys/fs/file-max",
                          on_machine(&Demand::files));
  if (row.status == Status::short_) {
    row.lift = lift.shared_sysctl("fs.file-max", saturating_add(row.need, c.files_open));
  }
  if (c.exempt_from_file_max && c.file_max) exempt_from_shared(row);
}

/// The kernel counts the entries of all epolls that a user made, in whichever process. Nothing
/// shows how many there are, so the row has those of the demands alone.
void add_watch_row(Rows& rows, const Ceilings& c, const Lift& lift) {
  Verdict& row = rows.add("epoll watches, user", c.epoll_watches, 0,
                          "/proc/sys/fs/epoll/max_user_watches", on_machine(&Demand::watches));
  if (row.status == Status::short_)
    row.lift = lift.shared_sysctl("fs.epoll.max_user_watches", row.need);
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
  add_watch_row(rows, ceilings, lift);
  add_task_rows(rows, ceilings, lift);
  add_address_rows(rows, ceilings, lift);
  add_memory_rows(rows, ceilings, lift);
  add_network_rows(rows, demands, ceilings, lift, backlog);
  add_quota_row(rows, ceilings, lift);
  std::vector<Verdict> verdicts = std::move(rows).sorted();
  for (Verdict& verdict : verdicts) add_effect(verdict);
  return verdicts;
}

const Verdict* first_refusal(const std::vector<Verdict>& verdicts) {
  const auto found = std::find_if(verdicts.begin(), verdicts.end(), [](const Verdict& verdict) {
    return verdict.status == Status::short_;
  });
  return found == verdicts.end() ? nullptr : &*found;
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
