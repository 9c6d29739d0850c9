// The child processes of this program, forked by any of its threads.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace conformance {

inline std::set<pid_t> offspring() {
  std::set<pid_t> pids;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children{thread.path() / "children"};
    for (pid_t pid = 0; children >> pid;) pids.insert(pid);
  }
  return pids;
}

}  // namespace conformance
