#include "limits/groups/task_shortage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "limits/groups/groups.hpp"
#include "limits/proc_text.hpp"
#include "limits/saturating.hpp"

namespace limits {
namespace {

/// The lines of a file, without its text in memory.
std::uint64_t count_lines(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  std::uint64_t lines = 0;
  std::array<char, 4096> buffer;
  for (ssize_t got = 0; (got = ::read(file, buffer.data(), buffer.size())) > 0;) {
    lines += static_cast<std::uint64_t>(std::count(buffer.begin(), buffer.begin() + got, '\n'));
  }
  ::close(file);
  return lines;
}

/// One task, and nothing else of a connection.
Demand one_task() {
  Demand demand;
  demand.connections = 1;
  demand.traits = Traits{};
  demand.traits.descriptors_per_connection = 0;
  demand.traits.kernel_bytes = 0;
  demand.traits.fixed_descriptors = demand.traits.fixed_maps = 0;
  demand.traits.fixed_virtual_bytes = 0;
  demand.traits.fixed_threads = 1;
  return demand;
}

using AddRows = void (*)(Rows& rows, const Ceilings& ceilings, const Lift& lift);

/// The line of the first of these limits that has no room.
std::optional<std::string> refusal_by(AddRows add, const Demand& demand, const Ceilings& ceilings) {
  const Lift lift{ceilings.root, ceilings.can_raise_hard, ceilings.ancestors_open_files};
  Rows rows({demand});
  add(rows, ceilings, lift);
  const auto verdicts = std::move(rows).sorted();
  const Verdict* refusal = first_refusal(verdicts);
  return refusal == nullptr ? std::nullopt : std::optional(refusal_line(*refusal));
}

/// Of the address space, or of its private part: what the process has, and the stack.
std::optional<std::string> address_refusal(const Ceilings& ceilings, const RefusedTask& task) {
  Demand demand = one_task();
  constexpr std::uint64_t maps_per_stack = 2;  // the guard is a map of its own
  if (task.maps > 0)
    demand.traits.fixed_maps = task.maps + (task.guard_bytes > 0 ? maps_per_stack : 1);
  demand.traits.fixed_virtual_bytes = saturating_add(task.address_bytes, task.stack_bytes);
  Ceilings without_data = ceilings;
  without_data.data = {};
  if (auto line = refusal_by(add_address_rows, demand, without_data)) return line;
  demand.traits.fixed_virtual_bytes =
      saturating_add(task.data_bytes, saturating_subtract(task.stack_bytes, task.guard_bytes));
  Ceilings data_alone = ceilings;
  data_alone.address_space = {};
  return refusal_by(add_address_rows, demand, data_alone);
}

}  // namespace

RefusedTask refused_thread(std::uint64_t stack_bytes, std::uint64_t guard_bytes,
                           const std::filesystem::path& root) {
  RefusedTask task{.stack_bytes = saturating_add(stack_bytes, guard_bytes),
                   .guard_bytes = guard_bytes};
  task.maps = count_lines(root / "proc/self/maps");
  if (const auto status = read_text(root / "proc/self/status")) {
    task.address_bytes = kilobytes_after(*status, "VmSize:").value_or(0);
    task.data_bytes = kilobytes_after(*status, "VmData:").value_or(0);
  }
  return task;
}

std::string task_shortage(const Ceilings& ceilings, const RefusedTask& task) {
  constexpr std::uint64_t kernel_bytes = 16'384 + 7'000;  // kernel stack and task_struct
  if (auto line = refusal_by(add_task_rows, one_task(), ceilings)) return *line;
  if (task.stack_bytes > 0) {
    if (auto line = address_refusal(ceilings, task)) return *line;
  }
  Demand memory = one_task();
  memory.traits.fixed_bytes = kernel_bytes;
  memory.traits.fixed_virtual_bytes = saturating_subtract(task.stack_bytes, task.guard_bytes);
  if (auto line = refusal_by(add_memory_rows, memory, ceilings)) return *line;
  return "one of these is reached, or memory: user processes (RLIMIT_NPROC), process ids "
         "(kernel.pid_max, also of outer pid namespaces), threads (kernel.threads-max), cgroup "
         "tasks (pids.max), memory maps (vm.max_map_count), address space (RLIMIT_AS), data "
         "segment (RLIMIT_DATA)";
}

}  // namespace limits
