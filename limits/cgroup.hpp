// Control group limits of this process, version 1 and 2, over its own group and every ancestor.
//
// A limit holds for a whole subtree. The effective limit is therefore that of the group with the
// least room left, at any level. Version 1 and version 2 can be mounted side by side; each mount
// that has the controller is searched. Ancestors above a container's own mount are not visible.
// Source: https://man7.org/linux/man-pages/man7/cgroups.7.html,
// https://docs.kernel.org/admin-guide/cgroup-v2.html
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>

namespace limits {

enum class Controller { tasks, memory };

/// One group's limit. Tasks are counted, memory is in bytes.
struct CgroupLimit {
  std::uint64_t limit = 0;            ///< `unlimited` for "max", and for v1 memory from 2^62 on
  std::optional<std::uint64_t> used;  ///< memory: without the reclaimable page cache
  std::string source;  ///< the limit's file; the mount point where no group has a limit
};

/// The group with the least room left, below `root`. nullopt: no mount has the controller.
std::optional<CgroupLimit> tightest_cgroup_limit(const std::filesystem::path& root,
                                                 Controller controller);

/// The directory of this process's own group with that controller, "/sys/fs/cgroup/pids/a".
std::optional<std::string> own_cgroup(const std::filesystem::path& root, Controller controller);

/// The CPU bandwidth that the groups of a process allow, and how often they withheld it.
struct CpuQuota {
  /// Processors' worth of time, of the tightest group; infinity where no group has a quota.
  double processors = std::numeric_limits<double>::infinity();
  std::string source;                    ///< the quota's file; empty where there is none
  std::chrono::nanoseconds throttled{};  ///< since the groups were created, all groups with a quota
  std::uint64_t times = 0;               ///< periods in which they were throttled
};

/// The quota of process `pid` (0: this one), over its own group and every ancestor: v2 cpu.max and
/// cpu.stat, v1 cpu.cfs_quota_us. nullopt: no mount has the controller, or the process is gone.
std::optional<CpuQuota> cpu_quota(pid_t pid = 0, const std::filesystem::path& root = "/");

}  // namespace limits
