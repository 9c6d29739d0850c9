// Resource limits of this process (getrlimit(2)): read them, and raise the soft descriptor limit.
//
// A process may raise its soft limit up to the hard one. To exceed the hard one it needs
// CAP_SYS_RESOURCE. That capability is read from CapEff in /proc/self/status, not inferred from the
// uid: root in a container often lacks it. Inside a separate user namespace it does not count,
// because the kernel calls capable(), which means the initial namespace (kernel/sys.c,
// do_prlimit()).
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

namespace limits {

/// "No limit": RLIM_INFINITY here, and a missing kernel file or one with "max" in kernel.hpp.
inline constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

struct Rlimit {
  std::uint64_t soft = unlimited;
  std::uint64_t hard = unlimited;
};

/// The limit `resource` (RLIMIT_NOFILE, ...) of this process. Throws std::system_error.
Rlimit read_rlimit(int resource);

/// Raises the soft RLIMIT_NOFILE to `wanted`, or as far as the hard limit allows. It exceeds the
/// hard limit if the process has CAP_SYS_RESOURCE and fs.nr_open allows it. Never lowers the limit.
/// Returns the soft limit in force afterwards. Never throws: the preflight shows what could not be
/// raised.
std::uint64_t raise_open_files(std::uint64_t wanted);

/// Grows this process's descriptor table to `count` entries (or as many as the soft limit allows).
/// Call it before the first thread starts: a table shared by threads waits for an RCU grace period
/// each time it doubles (fs/file.c, expand_fdtable), and 10,000 connects took 0.32 s instead of
/// 0.20 s. Never throws: it only saves time.
void reserve_descriptor_table(std::uint64_t count);

/// Gives the calling thread a descriptor table of its own, which the threads that it starts from
/// then on share: RLIMIT_NOFILE bounds each table. Needs no privilege
/// (https://man7.org/linux/man-pages/man2/unshare.2.html, CLONE_FILES). Of what the thread had,
/// only the standard descriptors and `keep` stay open in it: a copy of a socket would keep it from
/// closing. Throws std::system_error.
void leave_descriptor_table(std::vector<int> keep);

/// Whether `status` (the text of /proc/PID/status) has capability `bit` (capability.h) in CapEff.
bool has_effective_capability(const std::string& status, unsigned bit);

/// Whether this process may raise hard limits (CAP_SYS_RESOURCE, bit 24).
bool may_raise_hard_limits();

/// Whether this process is exempt from RLIMIT_NPROC (CAP_SYS_RESOURCE or CAP_SYS_ADMIN, or uid 0
/// of the initial user namespace: kernel/fork.c, copy_process()).
bool exempt_from_process_limit();

/// Whether this process may open files beyond fs.file-max (CAP_SYS_ADMIN: fs/file_table.c).
bool exempt_from_file_max();

/// The highest hard RLIMIT_NOFILE among the ancestors of this process (/proc/PID/limits): what a
/// new shell could have when this process's limit was lowered. 0 when nothing can be read.
/// Ancestors with CAP_SYS_RESOURCE are left out: such a supervisor can give its children any limit,
/// whatever its own.
std::uint64_t ancestors_open_files(const std::filesystem::path& root = "/");

}  // namespace limits
