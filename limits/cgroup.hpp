// Control group limits of this process, version 1 and 2, over its own group and every ancestor.
//
// A limit holds for a whole subtree. The effective limit is therefore that of the group with the
// least room left, at any level. Version 1 and version 2 can be mounted side by side; each mount
// that has the controller is searched. Ancestors above a container's own mount are not visible.
// Source: https://man7.org/linux/man-pages/man7/cgroups.7.html,
// https://docs.kernel.org/admin-guide/cgroup-v2.html
#pragma once

#include <cstdint>
#include <filesystem>
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

}  // namespace limits
