// CPU time: what processes and their threads have used, and what the whole machine has used.
//
// There are two kinds of clock. The scheduler's clocks count nanoseconds and belong to one process
// or thread. /proc/stat counts ticks of 10 ms for the whole machine and is a sample: each tick is
// charged in full to the task that runs at that moment. The difference between the two is what
// other programs used. Below one second it is noise.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace limits {

/// CPU time that a process has used, all its threads included, also those that have ended: its
/// process CPU clock (clock_getcpuclockid(3)), which any user may read. nullopt when the process is
/// gone. ~1 us.
std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid);
/// The sum over `pids` without those that are gone; nullopt when none is left.
std::optional<std::chrono::nanoseconds> cpu_time(const std::vector<pid_t>& pids);

/// CPU time of the children that `pids` have waited for (proc(5), stat: cutime, cstime), in ticks
/// of 10 ms; 0 for a process that is gone. Added to cpu_time() of the same processes and of their
/// living children, it gives a sum that does not shrink when a child ends. In a forking server one
/// child ends per connection.
std::chrono::nanoseconds children_cpu_time(const std::vector<pid_t>& pids,
                                           const std::filesystem::path& root = "/");

/// CPU time that the calling thread has used. ~0.2 us.
std::chrono::nanoseconds thread_cpu_time();
/// The clock of the calling thread's CPU time. Any thread of this process may read it.
clockid_t thread_clock();
/// The clock of the calling process's CPU time. Any process may read it.
clockid_t process_clock();
/// The time on such a clock; nullopt when its thread or process is gone.
std::optional<std::chrono::nanoseconds> cpu_time_of(clockid_t clock);

/// CPU time of all children that this process has waited for (getrusage(2), RUSAGE_CHILDREN).
std::chrono::nanoseconds waited_children_cpu_time();

/// What the scheduler counts per thread (/proc/PID/task/TID/schedstat).
struct ThreadTime {
  pid_t tid = 0;
  std::chrono::nanoseconds cpu{};     ///< on a CPU; of a running thread as of its last tick
  std::chrono::nanoseconds waited{};  ///< ready to run, but not on a CPU
  std::uint64_t switches = 0;         ///< times that it was given a CPU: its context switches
};
/// The largest number of threads that are read one by one. Reading one takes 9 to 15 us: 2.5 ms for
/// 256 threads and 100 ms for 10,000 (measured, Linux 6.18).
constexpr std::size_t most_threads = 256;
/// All threads of `pids`, in ascending order of tid, without those that end meanwhile. nullopt when
/// there are more than `most` in all, or when no thread could be read.
std::optional<std::vector<ThreadTime>> thread_times(const std::vector<pid_t>& pids,
                                                    std::size_t most = most_threads,
                                                    const std::filesystem::path& root = "/");

/// The machine's softirq threads (ksoftirqd/N, by comm). They do network work that the kernel
/// charges to neither end. Empty inside a separate pid namespace.
std::vector<pid_t> softirq_threads(const std::filesystem::path& root = "/");

/// The whole machine since boot (/proc/stat).
struct Busy {
  std::chrono::nanoseconds busy{};   ///< all cores: user, nice, system, irq, softirq; without steal
  std::chrono::nanoseconds steal{};  ///< a core was ready, and the hypervisor ran something else
  std::optional<std::uint64_t> switches{};  ///< context switches of all tasks
  std::uint64_t processors = 0;             ///< online
};
std::optional<Busy> read_busy(const std::filesystem::path& root = "/");
/// One tick of /proc/stat: the possible error of each processor's share at either end of an
/// interval.
std::chrono::nanoseconds tick();

/// The number of runnable tasks (/proc/loadavg).
struct Load {
  std::uint64_t runnable = 0;  ///< at this moment, the reading thread included
  double one_minute = 0;       ///< runnable and waiting for disk, a decaying mean
};
std::optional<Load> read_load(const std::filesystem::path& root = "/");

}  // namespace limits
