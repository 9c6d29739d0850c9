// Control group limits of this process, version 1 and 2, over its own group and every ancestor.
//
// A limit holds for a whole subtree, so the one that bites is the one with the least room left, at
// whatever height. Both versions may be mounted side by side; each mount that carries the
// controller is walked (cgroups(7), Documentation/admin-guide/cgroup-v2.rst). Not seen: ancestors
// above a container's own mount.
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
  std::optional<std::uint64_t> used;  ///< memory: without the page cache that is given back first
  std::string source;  ///< the limit's file; the mount point where no group has a limit
};

/// The group with the least room left, below `root`. nullopt: the controller is mounted nowhere.
std::optional<CgroupLimit> tightest_cgroup_limit(const std::filesystem::path& root,
                                                 Controller controller);

}  // namespace limits
