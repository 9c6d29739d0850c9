// What a process uses, and what the kernel holds on its behalf.
//
// Resident memory alone hides most of the cost of a connection: kernel stacks, page tables, slab
// and socket buffers belong to no process. A measurement is therefore always a pair: Usage of the
// processes, Machine for the rest. ru_maxrss is not used (it survives exec), nor MemAvailable (it
// counts pinned slab as reclaimable). A figure that cannot be read is nullopt, never 0. All paths
// are below a root, for tests.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace limits {

/// Bytes and counts of one or several processes (proc(5): status, smaps_rollup, fd, maps).
struct Usage {
  std::vector<pid_t> pids;
  std::optional<std::uint64_t> rss;       ///< VmRSS, bytes, summed over pids
  std::optional<std::uint64_t> peak_rss;  ///< VmHWM, bytes, summed
  std::optional<std::uint64_t> rss_anon;  ///< RssAnon, bytes
  std::optional<std::uint64_t> pss;       ///< Pss of smaps_rollup, bytes; only with Detail::full
  std::optional<std::uint64_t> virtual_size;  ///< VmSize, bytes
  std::optional<std::uint64_t> page_tables;   ///< VmPTE, bytes
  std::optional<std::uint64_t> threads;
  std::optional<std::uint64_t>
      descriptors;  ///< entries of /proc/PID/fd, or of all its tables (st_size on Linux >= 6.2)
  std::optional<std::uint64_t> maps;  ///< lines of /proc/PID/maps; only with Detail::full
  std::optional<std::uint64_t> voluntary_switches;  ///< main thread's; of all: limits/cpu.hpp
  std::optional<std::uint64_t> involuntary_switches;
};

/// `quick` costs ~0.05 ms per process. `full` walks the page tables (12-16 ms at 10,000 maps), so
/// it is not used in timed phases.
enum class Detail { quick, full };

/// The threads of `pid`, one for each descriptor table among them; the first is `pid` itself. A
/// thread may have left the table of its process (unshare(2), CLONE_FILES); kcmp(2) tells. nullopt
/// when there are more than `most` threads (0.5 us each) or they cannot be compared.
std::optional<std::vector<pid_t>> descriptor_tables(pid_t pid, std::uint64_t most);

/// The sum of the usage of `pids`. A pid that is gone is left out of `pids` and of the sums; so is
/// a zombie, which holds no memory. A figure that one of the remaining processes does not show is
/// nullopt: a partial sum would be too small without being marked as such. `go_on` is called every
/// 16 processes; when it returns false, reading ends and the result is empty.
Usage read_usage(const std::vector<pid_t>& pids, Detail detail,
                 const std::filesystem::path& root = "/", const std::function<bool()>& go_on = {});

/// VmRSS alone, in bytes, summed over those of `pids` that are alive: cheap enough for use during a
/// run, ~10 us per process (/proc/PID/statm). nullopt when none is alive.
std::optional<std::uint64_t> read_resident(const std::vector<pid_t>& pids,
                                           const std::filesystem::path& root = "/");

/// Kernel memory of the whole machine, in bytes (/proc/meminfo, zoneinfo, net/sockstat).
struct Machine {
  /// MemFree + Buffers + Cached (page cache given back) + what processors keep (/proc/zoneinfo)
  std::optional<std::uint64_t> free;
  std::optional<std::uint64_t> anon;          ///< AnonPages
  std::optional<std::uint64_t> slab;          ///< Slab
  std::optional<std::uint64_t> kernel_stack;  ///< KernelStack
  std::optional<std::uint64_t> page_tables;   ///< PageTables
  std::optional<std::uint64_t> socket;        ///< TCP "mem" pages x page size: buffers in use
};
Machine read_machine(const std::filesystem::path& root = "/");

}  // namespace limits
