// Scheduler clocks and /proc/stat; see cpu.hpp.
#include "limits/cpu.hpp"

#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "limits/proc_text.hpp"

namespace limits {
namespace {

using std::chrono::nanoseconds;

std::optional<pid_t> number_named(const std::filesystem::path& entry) {
  const std::string name = entry.filename().string();
  pid_t number = 0;
  const auto [last, wrong] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (wrong != std::errc{} || last != name.data() + name.size()) return std::nullopt;
  return number;
}

/// Calls `visit(number, path)` for each numeric entry, until it returns false.
template <typename Visit>
void for_each_number(const std::filesystem::path& directory, const Visit& visit) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    const auto number = number_named(entry->path());
    if (number && !visit(*number, entry->path())) return;
  }
}

nanoseconds ticks(std::uint64_t count) {
  return tick() * static_cast<std::int64_t>(count);
}

std::optional<nanoseconds> as_nanoseconds(std::optional<std::uint64_t> count) {
  if (!count) return std::nullopt;
  return nanoseconds{static_cast<std::int64_t>(*count)};
}

std::optional<ThreadTime> read_thread(pid_t tid, const std::filesystem::path& directory) {
  const auto text = read_text(directory / "schedstat");
  if (!text) return std::nullopt;
  std::string_view words = *text;
  const auto cpu = as_nanoseconds(leading_number(next_word(words)));
  const auto waited = as_nanoseconds(leading_number(next_word(words)));
  const auto switches = leading_number(next_word(words));
  if (!cpu || !waited || !switches) return std::nullopt;
  return ThreadTime{tid, *cpu, *waited, *switches};
}

}  // namespace

nanoseconds tick() {
  return nanoseconds{1'000'000'000 / ::sysconf(_SC_CLK_TCK)};
}

std::optional<nanoseconds> cpu_time_of(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds{time.tv_sec} + nanoseconds{time.tv_nsec};
}

std::optional<nanoseconds> cpu_time(pid_t pid) {
  clockid_t clock{};
  if (::clock_getcpuclockid(pid, &clock) != 0) return std::nullopt;
  return cpu_time_of(clock);
}

nanoseconds thread_cpu_time() {
  return cpu_time_of(CLOCK_THREAD_CPUTIME_ID).value_or(nanoseconds{0});
}

clockid_t thread_clock() {
  clockid_t clock{};
  return ::pthread_getcpuclockid(::pthread_self(), &clock) == 0 ? clock : CLOCK_THREAD_CPUTIME_ID;
}

clockid_t process_clock() {
  clockid_t clock{};
  return ::clock_getcpuclockid(::getpid(), &clock) == 0 ? clock : CLOCK_PROCESS_CPUTIME_ID;
}

nanoseconds waited_children_cpu_time() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

std::optional<nanoseconds> cpu_time(const std::vector<pid_t>& pids) {
  std::optional<nanoseconds> sum;
  for (const pid_t pid : pids) {
    if (const auto one = cpu_time(pid)) sum = sum.value_or(nanoseconds{0}) + *one;
  }
  return sum;
}

nanoseconds children_cpu_time(const std::vector<pid_t>& pids, const std::filesystem::path& root) {
  nanoseconds sum{0};
  for (const pid_t pid : pids) {
    const auto text = read_text(root / "proc" / std::to_string(pid) / "stat");
    const std::size_t close = text ? text->rfind(')') : std::string::npos;  // comm may hold one
    if (close == std::string::npos) continue;
    std::string_view words = std::string_view(*text).substr(close + 1);
    for (int field = 3; field < 16; ++field) next_word(words);
    const auto user = leading_number(next_word(words));
    const auto system = leading_number(next_word(words));
    if (user && system) sum += ticks(*user + *system);
  }
  return sum;
}

std::optional<std::vector<ThreadTime>> thread_times(const std::vector<pid_t>& pids,
                                                    std::size_t most,
                                                    const std::filesystem::path& root) {
  // The threads are listed before any is read: if there are too many, reading them would be wasted.
  std::vector<std::pair<pid_t, std::filesystem::path>> threads;
  for (const pid_t pid : pids) {
    for_each_number(root / "proc" / std::to_string(pid) / "task", [&](pid_t tid, const auto& path) {
      threads.emplace_back(tid, path);
      return threads.size() <= most;
    });
    if (threads.size() > most) return std::nullopt;
  }
  std::sort(threads.begin(), threads.end());
  std::vector<ThreadTime> times;
  times.reserve(threads.size());
  for (const auto& [tid, path] : threads) {
    if (const auto time = read_thread(tid, path)) times.push_back(*time);
  }
  if (times.empty()) return std::nullopt;
  return times;
}

std::vector<pid_t> softirq_threads(const std::filesystem::path& root) {
  std::vector<pid_t> threads;
  for_each_number(root / "proc", [&threads](pid_t pid, const auto& path) {
    const auto comm = read_text(path / "comm");
    if (comm && comm->starts_with("ksoftirqd/")) threads.push_back(pid);
    return true;
  });
  return threads;
}

std::optional<Busy> read_busy(const std::filesystem::path& root) {
  const auto text = read_text(root / "proc/stat");
  auto line = text ? line_after(*text, "cpu ") : std::nullopt;
  if (!line) return std::nullopt;
  enum { user, nice, system, idle, iowait, irq, softirq, steal, columns };  // guest is in user
  std::array<std::uint64_t, columns> count{};
  for (std::uint64_t& column : count) {
    const auto value = leading_number(next_word(*line));
    if (!value) return std::nullopt;
    column = *value;
  }
  Busy busy;
  busy.busy = ticks(count[user] + count[nice] + count[system] + count[irq] + count[softirq]);
  busy.steal = ticks(count[steal]);
  busy.switches = number_after(*text, "ctxt");
  for (std::string_view rest = *text; !rest.empty();) {
    const std::string_view row = next_line(rest);
    if (row.starts_with("cpu") && leading_number(row.substr(3)) && row[3] != ' ') {
      ++busy.processors;
    }
  }
  return busy;
}

std::optional<Load> read_load(const std::filesystem::path& root) {
  const auto text = read_text(root / "proc/loadavg");
  if (!text) return std::nullopt;
  std::string_view words = *text;
  const std::string_view mean = next_word(words);
  Load load;
  const auto [end, error] =
      std::from_chars(mean.data(), mean.data() + mean.size(), load.one_minute);
  next_word(words);
  next_word(words);
  const auto runnable = leading_number(next_word(words, " /"));
  if (error != std::errc{} || !runnable) return std::nullopt;
  load.runnable = *runnable;
  return load;
}

}  // namespace limits
