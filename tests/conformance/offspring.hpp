// Child processes: of this program, forked by any of its threads, and of those that it has forked.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace conformance {

/// The children of `process` ("self", or a pid); empty when it is gone.
inline std::set<pid_t> offspring(const std::string& process = "self") {
  std::set<pid_t> pids;
  std::error_code gone;
  for (const auto& thread :
       std::filesystem::directory_iterator("/proc/" + process + "/task", gone)) {
    std::ifstream children{thread.path() / "children"};
    for (pid_t pid = 0; children >> pid;) pids.insert(pid);
  }
  return pids;
}

/// `pid`, its children, their children and so on.
inline std::vector<pid_t> family(pid_t pid) {
  std::vector<pid_t> all{pid};
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const pid_t child : offspring(std::to_string(all[i]))) all.push_back(child);
  }
  return all;
}

}  // namespace conformance
