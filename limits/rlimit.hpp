// Resource limits of this process (getrlimit(2)): read them, and raise the soft descriptor limit.
//
// A process may raise its soft limit up to the hard one; past the hard one it needs
// CAP_SYS_RESOURCE. That capability is read from CapEff in /proc/self/status, never guessed from
// the uid: root in a container often lacks it, and inside a user namespace of one's own it does not
// count (the kernel asks capable(), which means the initial namespace: kernel/sys.c, do_prlimit()).
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

namespace limits {

/// "No limit": RLIM_INFINITY here, and a missing or "max" kernel file in kernel.hpp.
inline constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

struct Rlimit {
  std::uint64_t soft = unlimited;
  std::uint64_t hard = unlimited;
};

/// The limit `resource` (RLIMIT_NOFILE, ...) of this process. Throws std::system_error.
Rlimit read_rlimit(int resource);

/// Raises the soft RLIMIT_NOFILE to `wanted`, or as near as the hard limit lets it (past the hard
/// limit if the process holds CAP_SYS_RESOURCE and fs.nr_open allows); never lowers it. Returns
/// the soft limit in force afterwards. Never throws: what could not be raised shows in the
/// preflight.
std::uint64_t raise_open_files(std::uint64_t wanted);

/// Makes this process's descriptor table hold `count` entries (or as many as the soft limit allows)
/// now. Call it before the first thread: a table that threads share waits for an RCU grace period
/// each time it doubles (fs/file.c, expand_fdtable), and 10,000 connects took 0.32 s instead of
/// 0.20 s so. Never throws; it is about time alone.
void reserve_descriptor_table(std::uint64_t count);

/// Whether `status` (the text of /proc/PID/status) holds capability `bit` (capability.h) in CapEff.
bool has_effective_capability(const std::string& status, unsigned bit);

/// Whether this process may raise hard limits (CAP_SYS_RESOURCE, bit 24).
bool may_raise_hard_limits();

/// Whether this process is exempt from RLIMIT_NPROC (CAP_SYS_RESOURCE or CAP_SYS_ADMIN, or uid 0
/// of the initial user namespace: kernel/fork.c, copy_process()).
bool exempt_from_process_limit();

/// Whether this process may open files beyond fs.file-max (CAP_SYS_ADMIN: fs/file_table.c).
bool exempt_from_file_max();

/// The highest hard RLIMIT_NOFILE among the ancestors of this process (/proc/PID/limits): what a
/// new shell could have when this one was lowered. 0 when nothing can be read. Ancestors that hold
/// CAP_SYS_RESOURCE are left out: such a supervisor hands on what it likes, whatever its own limit.
std::uint64_t ancestors_open_files(const std::filesystem::path& root = "/");

}  // namespace limits
