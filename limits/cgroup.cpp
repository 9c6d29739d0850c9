// Searches the control groups of this process; see cgroup.hpp.
#include "limits/cgroup.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "limits/proc_text.hpp"
#include "limits/rlimit.hpp"

namespace limits {
namespace {

/// The file names of one controller in one cgroup version.
struct Files {
  std::string_view controller, limit, used, stat, reclaimable;
};
constexpr Files tasks_files{"pids", "pids.max", "pids.current", "", ""};
constexpr Files memory_v1{"memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat",
                          "total_inactive_file "};
constexpr Files memory_v2{"memory", "memory.max", "memory.current", "memory.stat",
                          "inactive_file "};

/// A cgroup file system: its mount point, and which of its directories is mounted there.
struct Mount {
  std::string point, top;
  bool second_version = false;
};

/// mountinfo escapes blanks, tabs, newlines and backslashes as three octal digits.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool lists(std::string_view words, std::string_view word, std::string_view separators) {
  for (auto next = next_word(words, separators); !next.empty();
       next = next_word(words, separators)) {
    if (next == word) return true;
  }
  return false;
}

/// proc_pid_mountinfo(5): id parent device top point options [tags] - type source super-options
std::vector<Mount> cgroup_mounts(std::string_view mountinfo, std::string_view controller) {
  std::vector<Mount> mounts;
  while (!mountinfo.empty()) {
    std::string_view line = next_line(mountinfo);
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    std::string_view behind = line.substr(dash + 3);
    const std::string_view type = next_word(behind);
    next_word(behind);
    const bool second_version = type == "cgroup2";
    if (!second_version && (type != "cgroup" || !lists(behind, controller, " ,"))) continue;
    for (int skipped = 0; skipped < 3; ++skipped) next_word(line);
    const std::string_view top = next_word(line);
    const std::string_view point = next_word(line);
    mounts.push_back({unescape(point), unescape(top), second_version});
  }
  return mounts;
}

/// This process's path in the hierarchy: "0::/a" for v2, "8:pids:/a" for v1 (/proc/self/cgroup).
std::string own_group(std::string_view text, std::string_view controller, bool second_version) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool matches = second_version ? controllers.empty() && line.substr(0, first) == "0"
                                        : lists(controllers, controller, ",");
    const std::string_view path = line.substr(second + 1);
    if (matches && path.starts_with('/')) return std::string(path);
  }
  return "/";
}

/// The path of `group` below a mount whose directory is `top`. A group outside that directory (in a
/// namespace: "/..") is not visible; then only the mounted directory is read.
std::string below(std::string group, const std::string& top) {
  if (group.find("/..") != std::string::npos) return "";
  if (group == "/") group.clear();
  if (top == "/") return group;
  const bool inside =
      group.starts_with(top) && (group.size() == top.size() || group[top.size()] == '/');
  return inside ? group.substr(top.size()) : "";
}

std::uint64_t limit_in(const std::string& text) {
  constexpr std::uint64_t v1_no_limit = 1ULL << 62;  // v1 shows none as 2^63 - 1, rounded to pages
  const auto value = leading_number(text);
  return value && *value < v1_no_limit ? *value : unlimited;
}

std::optional<CgroupLimit> read_group(const std::filesystem::path& root, const std::string& group,
                                      const Files& files) {
  const std::filesystem::path directory = root / std::filesystem::path(group).relative_path();
  const auto limit = read_text(directory / files.limit);
  if (!limit) return std::nullopt;
  CgroupLimit found{limit_in(*limit), std::nullopt, group + "/" + std::string(files.limit)};
  if (const auto used = read_text(directory / files.used)) found.used = leading_number(*used);
  if (found.used && !files.stat.empty() && found.limit != unlimited) {
    const auto stat = read_text(directory / files.stat);
    const auto cache = stat ? number_after(*stat, files.reclaimable) : std::nullopt;
    found.used = *found.used - std::min(*found.used, cache.value_or(0));
  }
  return found;
}

std::uint64_t room(const CgroupLimit& group) {
  const std::uint64_t used = group.used.value_or(0);
  return group.limit == unlimited ? unlimited : group.limit - std::min(group.limit, used);
}

/// Whether the mount has the controller. A v2 tree lists its controllers at its top, without those
/// that v1 has.
bool carries(const std::filesystem::path& root, const Mount& mount, std::string_view controller) {
  if (!mount.second_version) return true;
  const auto listed =
      read_text(root / std::filesystem::path(mount.point + "/cgroup.controllers").relative_path());
  return listed && lists(*listed, controller, " \n");
}

/// The quota of one group as processors' worth of time; nullopt where it has none.
std::optional<double> quota_of(const std::filesystem::path& group, bool second_version) {
  const auto text = read_text(group / (second_version ? "cpu.max" : "cpu.cfs_quota_us"));
  if (!text) return std::nullopt;
  std::string_view words = *text;
  const auto quota = leading_number(next_word(words));  // "max" and "-1" are no numbers
  std::optional<std::uint64_t> period;
  if (second_version) {
    period = leading_number(next_word(words));
  } else if (const auto other = read_text(group / "cpu.cfs_period_us")) {
    period = leading_number(*other);
  }
  if (!quota || period.value_or(0) == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

void add_group(CpuQuota& sum, const std::filesystem::path& root, const std::string& name,
               bool second_version) {
  const std::filesystem::path group = root / std::filesystem::path(name).relative_path();
  const auto quota = quota_of(group, second_version);
  if (!quota) return;
  if (*quota < sum.processors) {
    sum.processors = *quota;
    sum.source = name + (second_version ? "/cpu.max" : "/cpu.cfs_quota_us");
  }
  const auto stat = read_text(group / "cpu.stat");
  if (!stat) return;
  sum.times += number_after(*stat, "nr_throttled ").value_or(0);
  const std::uint64_t time = second_version
                                 ? number_after(*stat, "throttled_usec ").value_or(0) * 1'000
                                 : number_after(*stat, "throttled_time ").value_or(0);
  sum.throttled += std::chrono::nanoseconds(time);
}

}  // namespace

std::optional<CpuQuota> cpu_quota(pid_t pid, const std::filesystem::path& root) {
  const std::string process = pid == 0 ? "self" : std::to_string(pid);
  const auto groups = read_text(root / "proc" / process / "cgroup");
  const auto mountinfo = read_text(root / "proc/self/mountinfo");
  if (!groups || !mountinfo) return std::nullopt;
  std::optional<CpuQuota> found;
  for (const Mount& mount : cgroup_mounts(*mountinfo, "cpu")) {
    if (!carries(root, mount, "cpu")) continue;
    if (!found) found.emplace();
    std::string group = below(own_group(*groups, "cpu", mount.second_version), mount.top);
    for (bool at_top = false; !at_top;) {
      at_top = group.empty();
      add_group(*found, root, mount.point + group, mount.second_version);
      if (!at_top) group.erase(group.rfind('/'));
    }
  }
  return found;
}

std::optional<std::string> own_cgroup(const std::filesystem::path& root, Controller controller) {
  const auto groups = read_text(root / "proc/self/cgroup");
  const auto mountinfo = read_text(root / "proc/self/mountinfo");
  if (!groups || !mountinfo) return std::nullopt;
  const std::string_view name = controller == Controller::tasks ? "pids" : "memory";
  for (const Mount& mount : cgroup_mounts(*mountinfo, name)) {
    if (!carries(root, mount, name)) continue;
    return mount.point + below(own_group(*groups, name, mount.second_version), mount.top);
  }
  return std::nullopt;
}

std::optional<CgroupLimit> tightest_cgroup_limit(const std::filesystem::path& root,
                                                 Controller controller) {
  const auto groups = read_text(root / "proc/self/cgroup");
  const auto mountinfo = read_text(root / "proc/self/mountinfo");
  if (!groups || !mountinfo) return std::nullopt;

  std::optional<CgroupLimit> tightest;
  const std::string_view name = controller == Controller::tasks ? "pids" : "memory";
  for (const Mount& mount : cgroup_mounts(*mountinfo, name)) {
    const Files& files = controller == Controller::tasks ? tasks_files
                         : mount.second_version          ? memory_v2
                                                         : memory_v1;
    std::string group = below(own_group(*groups, name, mount.second_version), mount.top);
    for (bool at_top = false; !at_top;) {
      at_top = group.empty();
      const auto found = read_group(root, mount.point + group, files);
      if (found && (!tightest || room(*found) < room(*tightest))) tightest = found;
      if (!at_top) group.erase(group.rfind('/'));
    }
    // Mounted, but the top of a hierarchy has no limit file: there is no limit.
    if (!tightest && carries(root, mount, name)) tightest = {unlimited, std::nullopt, mount.point};
  }
  return tightest;
}

}  // namespace limits
