// Reading the kernel's limits from /proc; see kernel.hpp. Control groups: cgroup.hpp.
#include "limits/kernel.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <system_error>
#include <utility>

#include "limits/cgroup.hpp"
#include "limits/proc_text.hpp"
#include "limits/rlimit.hpp"

namespace limits {
namespace {

std::optional<Ceiling> ceiling_of(const std::optional<CgroupLimit>& group) {
  if (!group) return std::nullopt;
  return Ceiling{group->limit, group->source};
}

std::optional<std::uint64_t> used_of(const std::optional<CgroupLimit>& group) {
  return group ? group->used : std::nullopt;
}

}  // namespace

Kernel::Kernel(std::filesystem::path root) : root_(std::move(root)) {}

std::optional<Ceiling> Kernel::sysctl(const std::string& name) const {
  std::string file = "proc/sys/" + name;
  std::replace(file.begin(), file.end(), '.', '/');
  const auto text = read_text(root_ / file);
  const auto value = text ? leading_number(*text) : std::nullopt;
  if (!value) return std::nullopt;
  return Ceiling{*value, "/" + file};
}

std::optional<Ceiling> Kernel::cgroup_tasks() const {
  return ceiling_of(tightest_cgroup_limit(root_, Controller::tasks));
}

std::optional<std::uint64_t> Kernel::cgroup_tasks_used() const {
  return used_of(tightest_cgroup_limit(root_, Controller::tasks));
}

std::optional<Ceiling> Kernel::cgroup_memory() const {
  return ceiling_of(tightest_cgroup_limit(root_, Controller::memory));
}

std::optional<std::uint64_t> Kernel::cgroup_memory_used() const {
  return used_of(tightest_cgroup_limit(root_, Controller::memory));
}

std::optional<Ceiling> Kernel::cpu_quota() const {
  const auto quota = limits::cpu_quota(0, root_);
  if (!quota) return std::nullopt;
  if (quota->source.empty()) return Ceiling{unlimited, "cgroup cpu.max"};
  return Ceiling{static_cast<std::uint64_t>(std::ceil(quota->processors * 100)), quota->source};
}

PortRange Kernel::port_range() const {
  const auto text = read_text(root_ / "proc/sys/net/ipv4/ip_local_port_range");
  std::string_view rest = text ? std::string_view(*text) : std::string_view();
  const auto first = leading_number(next_word(rest));
  const auto last = leading_number(next_word(rest));
  if (!first || !last || *first > *last || *last > 65535) return {};
  return {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::optional<std::uint64_t> Kernel::files_open() const {
  const auto text = read_text(root_ / "proc/sys/fs/file-nr");
  return text ? leading_number(*text) : std::nullopt;
}

std::optional<std::uint64_t> Kernel::threads_running() const {
  const auto text = read_text(root_ / "proc/loadavg");  // "0.08 0.02 0.01 1/83 3119"
  const std::size_t slash = text ? text->find('/') : std::string::npos;
  if (slash == std::string::npos) return std::nullopt;
  return leading_number(std::string_view(*text).substr(slash + 1));
}

std::optional<std::uint64_t> Kernel::tasks_of_user(std::uint32_t user) const {
  std::error_code error;
  std::filesystem::directory_iterator entry(root_ / "proc", error);
  if (error) return std::nullopt;
  std::uint64_t tasks = 0;
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const char first = entry->path().filename().c_str()[0];
    if (first < '0' || first > '9') continue;
    const auto status = read_text(entry->path() / "status");
    if (status && number_after(*status, "Uid:") == user) {
      tasks += number_after(*status, "Threads:").value_or(0);
    }
  }
  return tasks;
}

std::optional<Ceiling> Kernel::memory_available() const {
  const auto text = read_text(root_ / "proc/meminfo");
  const auto bytes = text ? kilobytes_after(*text, "MemAvailable:") : std::nullopt;
  if (!bytes) return std::nullopt;
  return Ceiling{*bytes, "/proc/meminfo MemAvailable"};
}

}  // namespace limits
