// What the kernel holds for the whole machine, from /proc; declared in usage.hpp.
//
// These figures belong to no process. The slab, kernel stacks and socket buffers of a run show only
// as the difference of two readings. It includes both ends when both are local.
#include <unistd.h>

#include "limits/proc_text.hpp"
#include "limits/usage.hpp"

namespace limits {
namespace {

using Figure = std::optional<std::uint64_t>;

Figure sum_of(const Figure& a, const Figure& b, const Figure& c) {
  if (!a || !b || !c) return std::nullopt;
  return *a + *b + *c;
}

/// Pages that each processor keeps for its next allocations (pcp lists), from /proc/zoneinfo. They
/// are free, but no figure of /proc/meminfo contains them. Pages that an earlier run freed,
/// hundreds of MiB since Linux 6.7, would otherwise supply this run's memory unnoticed.
std::uint64_t pages_at_hand(std::string_view text) {
  std::uint64_t pages = 0;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    if (next_word(line) == "count:") pages += leading_number(line).value_or(0);
  }
  return pages;
}

std::uint64_t page_size() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Machine read_machine(const std::filesystem::path& root) {
  Machine machine;
  if (const auto text = read_text(root / "proc/meminfo")) {
    machine.free = sum_of(kilobytes_after(*text, "MemFree:"), kilobytes_after(*text, "Buffers:"),
                          kilobytes_after(*text, "Cached:"));
    machine.anon = kilobytes_after(*text, "AnonPages:");
    machine.slab = kilobytes_after(*text, "Slab:");
    machine.kernel_stack = kilobytes_after(*text, "KernelStack:");
    machine.page_tables = kilobytes_after(*text, "PageTables:");
  }
  if (const auto text = read_text(root / "proc/zoneinfo"); text && machine.free) {
    *machine.free += pages_at_hand(*text) * page_size();
  }
  if (const auto text = read_text(root / "proc/net/sockstat")) {
    // IPv4 and IPv6 share one account (tcp_memory_allocated); sockstat6 has no figure for it.
    const Figure pages = named_number(*text, "TCP:", "mem");
    if (pages) machine.socket = *pages * page_size();
  }
  return machine;
}

}  // namespace limits
