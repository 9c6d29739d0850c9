// A machine with room for everything. Each preflight test reduces one limit.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "limits/preflight.hpp"

namespace limits::fixtures {

inline Ceiling ceiling(std::uint64_t value, const std::string& source) {
  return {value, source};
}

inline Ceilings roomy() {
  constexpr std::uint64_t plenty = 1'000'000'000'000'000;
  Ceilings c;
  c.open_files = {1024, plenty};
  c.nr_open = ceiling(plenty, "/proc/sys/fs/nr_open");
  c.file_max = ceiling(plenty, "/proc/sys/fs/file-max");
  c.pid_max = ceiling(plenty, "/proc/sys/kernel/pid_max");
  c.threads_max = ceiling(plenty, "/proc/sys/kernel/threads-max");
  c.max_map_count = ceiling(plenty, "/proc/sys/vm/max_map_count");
  c.somaxconn = ceiling(4096, "/proc/sys/net/core/somaxconn");
  c.cgroup_tasks = ceiling(unlimited, "/sys/fs/cgroup/pids.max");
  c.cgroup_memory = ceiling(unlimited, "/sys/fs/cgroup/memory.max");
  c.epoll_watches = ceiling(plenty, "/proc/sys/fs/epoll/max_user_watches");
  c.tcp_pages = ceiling(plenty, "/proc/sys/net/ipv4/tcp_mem");
  c.memory = ceiling(plenty, "/proc/meminfo MemAvailable");
  return c;
}

inline Demand threads(std::uint64_t n) {
  return {n, thread_traits(65'536, 4'096)};
}
/// With one descriptor table.
inline Demand client(std::uint64_t n, std::uint64_t sources = 1'000'000) {
  Traits traits = client_traits();
  traits.most_tables = 1;
  return {n, traits, true, sources};
}
/// A loop whose connections the kernel divides among descriptor tables.
inline Demand loops_in_tables(std::uint64_t n, std::uint64_t most_tables) {
  Traits traits = event_traits(16, 0);
  traits.most_tables = most_tables;
  traits.table_spread = 4;
  return {n, traits};
}

/// The row called `name`; throws std::out_of_range when there is none.
inline const Verdict& row(const std::vector<Verdict>& verdicts, const std::string& name) {
  for (const Verdict& verdict : verdicts) {
    if (verdict.name == name) return verdict;
  }
  throw std::out_of_range(name);
}

}  // namespace limits::fixtures
