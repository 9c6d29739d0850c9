// Reading the kernel's limits from /proc; see kernel.hpp. Control groups: cgroup.hpp.
#include "limits/kernel.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

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

/// The inodes of the initial namespaces are fixed (include/linux/proc_ns.h).
constexpr ino_t initial_user_namespace = 0xEFFFFFFDU;
constexpr ino_t initial_pid_namespace = 0xEFFFFFFCU;

/// The inode of a namespace; 0 where it may not be seen.
ino_t namespace_at(const std::filesystem::path& file) {
  struct stat status {};
  return ::stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// The owner of the user namespace that is directly below `own` and around, or equal to, that in
/// `file`.
std::optional<std::uint32_t> owner_below(ino_t own, const std::filesystem::path& file) {
  constexpr int deepest = 32;  // the kernel's bound of nesting
  std::optional<std::uint32_t> owner;
  int inner = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  for (int depth = 0; inner >= 0 && !owner && depth <= deepest; ++depth) {
    const int around = ::ioctl(inner, NS_GET_PARENT);
    struct stat status {};
    uid_t uid = 0;
    if (around >= 0 && ::fstat(around, &status) == 0 && status.st_ino == own &&
        ::ioctl(inner, NS_GET_OWNER_UID, &uid) == 0) {
      owner = uid;
    }
    ::close(inner);
    inner = around;
  }
  if (inner >= 0) ::close(inner);
  return owner;
}

/// Whether the kernel charges the tasks of a process to `user` of the namespace `own`. A task
/// counts in its own user namespace, and for the owner of each one around that (kernel/ucount.c,
/// inc_rlimit_ucounts()).
bool is_charged_to(std::uint32_t user, ino_t own, const std::filesystem::path& process,
                   const std::string& status) {
  const ino_t theirs = own == 0 ? 0 : namespace_at(process / "ns/user");
  // A namespace that may not be seen is one around `own`, or the process has other credentials.
  if (theirs == 0 && own != 0 && own != initial_user_namespace) return false;
  if (theirs == 0 || theirs == own) return number_after(status, "Uid:") == user;
  return owner_below(own, process / "ns/user") == user;
}

/// The threads of all processes for which `counts(directory, status)` holds.
template <typename Counts>
std::optional<std::uint64_t> tasks_where(const std::filesystem::path& root, Counts counts) {
  std::error_code error;
  std::filesystem::directory_iterator entry(root / "proc", error);
  if (error) return std::nullopt;
  std::uint64_t tasks = 0;
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const char first = entry->path().filename().c_str()[0];
    if (first < '0' || first > '9') continue;
    const auto status = read_text(entry->path() / "status");
    if (status && counts(entry->path(), *status))
      tasks += number_after(*status, "Threads:").value_or(0);
  }
  return tasks;
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
  const ino_t own = namespace_at(root_ / "proc/self/ns/user");
  return tasks_where(root_, [&](const std::filesystem::path& process, const std::string& status) {
    return is_charged_to(user, own, process, status);
  });
}

std::optional<Ceiling> Kernel::memory_available() const {
  const auto text = read_text(root_ / "proc/meminfo");
  const auto bytes = text ? kilobytes_after(*text, "MemAvailable:") : std::nullopt;
  if (!bytes) return std::nullopt;
  return Ceiling{*bytes, "/proc/meminfo MemAvailable"};
}

std::optional<Ceiling> Kernel::commit_limit() const {
  constexpr std::uint64_t never_overcommit = 2;
  const auto policy = sysctl("vm.overcommit_memory");
  if (!policy || policy->value != never_overcommit) return std::nullopt;
  const auto text = read_text(root_ / "proc/meminfo");
  const auto bytes = text ? kilobytes_after(*text, "CommitLimit:") : std::nullopt;
  if (!bytes) return std::nullopt;
  return Ceiling{*bytes, "/proc/meminfo CommitLimit"};
}

std::optional<std::uint64_t> Kernel::committed() const {
  const auto text = read_text(root_ / "proc/meminfo");
  return text ? kilobytes_after(*text, "Committed_AS:") : std::nullopt;
}

std::optional<Ceiling> Kernel::tcp_pages() const {
  const auto text = read_text(root_ / "proc/sys/net/ipv4/tcp_mem");
  std::string_view figures = text ? std::string_view(*text) : std::string_view();
  next_word(figures);
  next_word(figures);
  const auto most = leading_number(next_word(figures));
  if (!most) return std::nullopt;
  return Ceiling{*most, "/proc/sys/net/ipv4/tcp_mem"};
}

std::optional<std::uint64_t> Kernel::tcp_pages_used() const {
  const auto text = read_text(root_ / "proc/net/sockstat");
  return text ? named_number(*text, "TCP:", "mem") : std::nullopt;
}

std::optional<std::uint64_t> Kernel::process_ids_used() const {
  if (!in_inner_pid_namespace()) return threads_running();
  return tasks_where(root_, [](const std::filesystem::path&, const std::string&) { return true; });
}

bool Kernel::in_inner_pid_namespace() const {
  const ino_t own = namespace_at(root_ / "proc/self/ns/pid");
  return own != 0 && own != initial_pid_namespace;
}

}  // namespace limits
