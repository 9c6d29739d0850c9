// CPU time: what processes and their threads have had, and what the whole machine has spent.
//
// Two kinds of clock. Those of the scheduler count nanoseconds, and belong to one process or
// thread. /proc/stat counts ticks of 10 ms for all, and is a sample: whoever runs when the tick
// comes is billed for all of it. Their difference is what somebody else used, and noise below a
// second.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace limits {

/// CPU time a process (all its threads, dead ones too) has had: its process CPU clock
/// (clock_getcpuclockid(3)), which any user may read. nullopt when it is gone. ~1 us.
std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid);
/// The sum over `pids`, leaving out those that are gone; nullopt when none is left.
std::optional<std::chrono::nanoseconds> cpu_time(const std::vector<pid_t>& pids);

/// CPU time of the children that `pids` have waited for (proc(5), stat: cutime, cstime), in ticks
/// of 10 ms; 0 for a process that is gone. With cpu_time() of the same processes and of their
/// living children it makes a sum that does not shrink when a child ends, as one a connection does
/// in a forking server.
std::chrono::nanoseconds children_cpu_time(const std::vector<pid_t>& pids,
                                           const std::filesystem::path& root = "/");

/// CPU time the calling thread has had. ~0.2 us.
std::chrono::nanoseconds thread_cpu_time();
/// A clock that anybody in this process may read for the CPU time of the calling thread, or, in a
/// process of its own, anybody at all for that of the calling process.
clockid_t thread_clock();
clockid_t process_clock();
/// What such a clock says; nullopt when its thread or process is gone.
std::optional<std::chrono::nanoseconds> cpu_time_of(clockid_t clock);

/// CPU time of all children that this process has waited for (getrusage(2), RUSAGE_CHILDREN).
std::chrono::nanoseconds waited_children_cpu_time();

/// What the scheduler keeps about a thread (/proc/PID/task/TID/schedstat).
struct ThreadTime {
  pid_t tid = 0;
  std::chrono::nanoseconds cpu{};     ///< on a CPU; of a running thread as of its last tick
  std::chrono::nanoseconds waited{};  ///< ready to run, while others had the CPU
  std::uint64_t turns = 0;            ///< times it got a CPU: its context switches
};
/// More threads than this are not looked at one by one: 9 to 15 us a thread, 2.5 ms for 256 of them
/// and 100 ms for 10,000 (measured, Linux 6.18).
constexpr std::size_t most_threads = 256;
/// All threads of `pids`, by ascending tid; those that end meanwhile are left out. nullopt when
/// there are more than `most` in all, or when no thread could be read.
std::optional<std::vector<ThreadTime>> thread_times(const std::vector<pid_t>& pids,
                                                    std::size_t most = most_threads,
                                                    const std::filesystem::path& root = "/");

/// The machine's softirq threads (ksoftirqd/N, by comm), which do network work that the kernel
/// bills to neither end. Empty inside a pid namespace of one's own.
std::vector<pid_t> softirq_threads(const std::filesystem::path& root = "/");

/// The whole machine since boot (/proc/stat).
struct Busy {
  std::chrono::nanoseconds busy{};   ///< all cores: user, nice, system, irq, softirq; steal apart
  std::chrono::nanoseconds steal{};  ///< a core was ready to run, and the hypervisor ran another
  std::optional<std::uint64_t> switches{};  ///< context switches, of everybody
  std::uint64_t processors = 0;             ///< online
};
std::optional<Busy> read_busy(const std::filesystem::path& root = "/");
/// One tick of /proc/stat: what each processor's share may be wrong by at either end of a window.
std::chrono::nanoseconds tick();

/// How many want to run (/proc/loadavg).
struct Load {
  std::uint64_t runnable = 0;  ///< at this moment, the reader among them
  double one_minute = 0;       ///< the same and those in disk waits, a decaying mean
};
std::optional<Load> read_load(const std::filesystem::path& root = "/");

}  // namespace limits
