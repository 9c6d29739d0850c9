// A process and its descendants: what a forking server, or a shell that started one, consists of.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

namespace limits {

/// `pids` and all their descendants, ascending. One look at /proc/PID/stat of every process of the
/// machine, some 10 us each.
std::vector<pid_t> with_descendants(const std::vector<pid_t>& pids,
                                    const std::filesystem::path& root = "/");

}  // namespace limits
