// What the kernel holds for the whole machine, from /proc; declared in usage.hpp.
//
// These figures belong to no process: the slab, kernel stacks and socket buffers of a run show only
// as a difference of two readings, with both ends in it when both are local.
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
  if (const auto text = read_text(root / "proc/net/sockstat")) {
    // One account for IPv4 and IPv6 (tcp_memory_allocated); sockstat6 has no figure of its own.
    const Figure pages = named_number(*text, "TCP:", "mem");
    if (pages) machine.socket = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return machine;
}

}  // namespace limits
