// What the kernel holds and does for the whole machine, from /proc; declared in usage.hpp.
//
// These figures belong to no process: the slab, kernel stacks and socket buffers of a run show only
// as a difference of two readings, with both ends in it when both are local.
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

#include "limits/proc_text.hpp"
#include "limits/usage.hpp"

namespace limits {
namespace {

using Figure = std::optional<std::uint64_t>;

/// The figure behind `name` on the line of `protocol` ("TCP: inuse 1 orphan 0 ... mem 198").
Figure named_figure(std::string_view text, std::string_view protocol, std::string_view name) {
  auto line = line_after(text, protocol);
  while (line && !line->empty()) {
    if (next_word(*line) == name) return leading_number(*line);
  }
  return std::nullopt;
}

/// netstat and snmp write a line of names and then a line of values, both behind the same key.
Figure paired_figure(std::string_view text, std::string_view key, std::string_view name) {
  while (!text.empty()) {
    std::string_view names = next_line(text);
    if (!names.starts_with(key)) continue;
    std::string_view values = next_line(text);
    if (!values.starts_with(key)) return std::nullopt;
    while (!names.empty()) {
      const std::string_view value = next_word(values);
      if (next_word(names) == name) return leading_number(value);
    }
  }
  return std::nullopt;
}

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
    const Figure pages = named_figure(*text, "TCP:", "mem");
    if (pages) machine.socket = *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return machine;
}

std::vector<pid_t> softirq_threads(const std::filesystem::path& root) {
  std::vector<pid_t> threads;
  std::error_code error;
  std::filesystem::directory_iterator entry(root / "proc", error);
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [last, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong != std::errc{} || last != name.data() + name.size()) continue;
    const auto comm = read_text(entry->path() / "comm");
    if (comm && comm->starts_with("ksoftirqd/")) threads.push_back(pid);
  }
  return threads;
}

std::optional<Busy> read_busy(const std::filesystem::path& root) {
  const auto text = read_text(root / "proc/stat");
  auto line = text ? line_after(*text, "cpu ") : std::nullopt;
  if (!line) return std::nullopt;
  enum { user, nice, system, idle, iowait, irq, softirq, steal, columns };  // guest is in user
  std::array<std::uint64_t, columns> ticks{};
  for (std::uint64_t& tick : ticks) {
    const auto value = leading_number(next_word(*line));
    if (!value) return std::nullopt;
    tick = *value;
  }
  const auto time = [](std::uint64_t count) {
    const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return std::chrono::nanoseconds{
        static_cast<std::int64_t>(count * (1'000'000'000 / per_second))};
  };
  return Busy{time(ticks[user] + ticks[nice] + ticks[system] + ticks[irq] + ticks[softirq]),
              time(ticks[steal])};
}

TcpCounters read_tcp_counters(const std::filesystem::path& root) {
  TcpCounters counters;
  if (const auto text = read_text(root / "proc/net/netstat")) {
    counters.listen_overflows = paired_figure(*text, "TcpExt:", "ListenOverflows");
    counters.listen_drops = paired_figure(*text, "TcpExt:", "ListenDrops");
    counters.syn_cookies_sent = paired_figure(*text, "TcpExt:", "SyncookiesSent");
  }
  if (const auto text = read_text(root / "proc/net/snmp")) {
    counters.retransmitted_segments = paired_figure(*text, "Tcp:", "RetransSegs");
  }
  return counters;
}

}  // namespace limits
