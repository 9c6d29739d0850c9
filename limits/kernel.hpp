// The kernel's limits: sysctls, cgroup v1 and v2 limits of this process and of every ancestor, the
// local port range, the memory of the machine.
//
// Every path is below a root, which is "/" in production; tests run on fixture trees. A file that
// cannot be read gives std::nullopt, and the preflight reports "unknown". No figure is invented.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace limits {

/// One figure that the kernel publishes, and the file from which it was read.
struct Ceiling {
  std::uint64_t value = 0;  ///< `unlimited` where the kernel's file contains "max"
  std::string source;       ///< a path that the user can read, e.g. "/proc/sys/kernel/pid_max"
};

/// Local ports that connect() may use: [first, last], both inclusive.
struct PortRange {
  std::uint16_t first = 32768;
  std::uint16_t last = 60999;
  [[nodiscard]] std::uint32_t count() const { return std::uint32_t{last} - first + 1U; }
};

/// Reads the kernel's limits below `root`.
class Kernel {
 public:
  explicit Kernel(std::filesystem::path root = "/");

  /// The first whitespace-separated integer of <root>/proc/sys/<name with dots as slashes>. `name`
  /// is written as for sysctl(8): "vm.max_map_count".
  [[nodiscard]] std::optional<Ceiling> sysctl(const std::string& name) const;

  /// The tightest cgroup limit on tasks (the least room left) over this process's own path and all
  /// its ancestors, v1 or v2 (pids.max). nullopt: no controller found; value `unlimited`: all
  /// contain "max".
  [[nodiscard]] std::optional<Ceiling> cgroup_tasks() const;
  /// Tasks already charged to the cgroup that `cgroup_tasks` returned (pids.current).
  [[nodiscard]] std::optional<std::uint64_t> cgroup_tasks_used() const;

  /// The tightest cgroup memory limit in bytes, over the same groups (v2 memory.max, v1
  /// memory.limit_in_bytes).
  [[nodiscard]] std::optional<Ceiling> cgroup_memory() const;
  /// Bytes charged to that group, without the inactive page cache, which is reclaimed first.
  [[nodiscard]] std::optional<std::uint64_t> cgroup_memory_used() const;

  /// The tightest CPU quota of this process's cgroups in percent of one processor, rounded up;
  /// `unlimited` without one. nullopt: no controller.
  [[nodiscard]] std::optional<Ceiling> cpu_quota() const;

  /// net.ipv4.ip_local_port_range (also used for IPv6); the kernel's default if unreadable.
  [[nodiscard]] PortRange port_range() const;

  /// Open files of the whole machine (first field of /proc/sys/fs/file-nr).
  [[nodiscard]] std::optional<std::uint64_t> files_open() const;
  /// Threads of the whole machine (/proc/loadavg, 4th field, after the slash).
  [[nodiscard]] std::optional<std::uint64_t> threads_running() const;
  /// Tasks that count against RLIMIT_NPROC of `user` in this process's user namespace: the threads
  /// of all processes of that namespace whose real uid it is (/proc/PID/status), and all of the
  /// namespaces below it that the user owns. Costs ~20 us per process.
  [[nodiscard]] std::optional<std::uint64_t> tasks_of_user(std::uint32_t user) const;
  /// Bytes: MemAvailable of /proc/meminfo. It is a limit for planning, never a measurement; see
  /// usage.hpp.
  [[nodiscard]] std::optional<Ceiling> memory_available() const;
  /// Bytes: CommitLimit of /proc/meminfo, where vm.overcommit_memory is 2; nullopt: no such limit.
  [[nodiscard]] std::optional<Ceiling> commit_limit() const;
  /// Bytes: Committed_AS of /proc/meminfo.
  [[nodiscard]] std::optional<std::uint64_t> committed() const;
  /// Pages of memory that TCP may use (the third figure of net.ipv4.tcp_mem); nullopt in a network
  /// namespace of its own, which does not show it.
  [[nodiscard]] std::optional<Ceiling> tcp_pages() const;
  /// Pages that TCP uses now (/proc/net/sockstat).
  [[nodiscard]] std::optional<std::uint64_t> tcp_pages_used() const;
  /// Process ids in use in this process's pid namespace: in an inner one the tasks that its /proc
  /// shows, ~15 us per process; otherwise as threads_running().
  [[nodiscard]] std::optional<std::uint64_t> process_ids_used() const;
  /// Whether pid_max of further pid namespaces, those around this process's own, holds too.
  [[nodiscard]] bool in_inner_pid_namespace() const;

 private:
  std::filesystem::path root_;
};

}  // namespace limits
