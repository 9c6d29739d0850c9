// What processes use, from /proc/PID; see usage.hpp. Figures of the machine: machine.cpp.
#include "limits/usage.hpp"

#include <linux/kcmp.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include "limits/proc_text.hpp"
#include "limits/rlimit.hpp"

namespace limits {
namespace {

using Figure = std::optional<std::uint64_t>;

/// Above this much resident memory, 64 GiB, its pages are not walked for the PSS: the kernel needs
/// about a second for them, and nothing can interrupt it.
constexpr std::uint64_t most_walked = 64ULL << 30U;

Figure count_entries(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  if (error) return std::nullopt;
  std::uint64_t count = 0;
  for (const std::filesystem::directory_iterator end; entry != end; entry.increment(error)) {
    if (error) return std::nullopt;
    ++count;
  }
  return count;
}

/// Linux >= 6.2 reports the number of descriptors as the directory's size: one call, where counting
/// 10,000 of them takes milliseconds. Older kernels report 0, other file systems something else.
Figure count_descriptors(const std::filesystem::path& directory) {
  struct stat status {};
  struct statfs system {};
  if (::stat(directory.c_str(), &status) == 0 && status.st_size > 0 &&
      ::statfs(directory.c_str(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC) {
    return static_cast<std::uint64_t>(status.st_size);
  }
  return count_entries(directory);
}

/// Of all tables of a process. A process of another root belongs to a test: it has one.
Figure count_descriptors(pid_t pid, Detail detail, const std::filesystem::path& root) {
  constexpr std::uint64_t few = 1'024;
  constexpr std::uint64_t most = 32'768;  // some 0.1 s
  const std::filesystem::path process = root / "proc" / std::to_string(pid);
  if (root != "/") return count_descriptors(process / "fd");
  const auto threads = descriptor_tables(pid, detail == Detail::quick ? few : most);
  if (!threads) return std::nullopt;
  Figure sum = count_descriptors(process / "fd");
  for (std::size_t i = 1; i < threads->size(); ++i) {
    const Figure one = count_descriptors(process / "task" / std::to_string((*threads)[i]) / "fd");
    if (sum && one) *sum += *one;
  }
  return sum;
}

Figure count_lines(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return static_cast<std::uint64_t>(std::count(text->begin(), text->end(), '\n'));
}

bool is_alive(const std::optional<std::string>& status) {
  if (!status || status->empty()) return false;
  auto state = line_after(*status, "State:");
  if (!state) return true;
  const std::string_view letter = next_word(*state);
  return letter != "Z" && letter != "X";
}

/// nullopt when the process ended, before or while it was read.
std::optional<Usage> read_one(pid_t pid, Detail detail, const std::filesystem::path& root) {
  const std::filesystem::path process = root / "proc" / std::to_string(pid);
  const auto status = read_text(process / "status");
  if (!is_alive(status)) return std::nullopt;
  Usage usage;
  usage.pids = {pid};
  usage.rss = kilobytes_after(*status, "VmRSS:");
  usage.peak_rss = kilobytes_after(*status, "VmHWM:");
  usage.rss_anon = kilobytes_after(*status, "RssAnon:");
  usage.virtual_size = kilobytes_after(*status, "VmSize:");
  usage.page_tables = kilobytes_after(*status, "VmPTE:");
  usage.threads = number_after(*status, "Threads:");
  usage.voluntary_switches = number_after(*status, "voluntary_ctxt_switches:");
  usage.involuntary_switches = number_after(*status, "nonvoluntary_ctxt_switches:");
  usage.descriptors = count_descriptors(pid, detail, root);
  if (detail == Detail::full && usage.rss.value_or(0) <= most_walked) {
    const auto rollup = read_text(process / "smaps_rollup");
    if (rollup) usage.pss = kilobytes_after(*rollup, "Pss:");
    usage.maps = count_lines(read_text(process / "maps"));
  }
  const bool incomplete = !usage.descriptors || (detail == Detail::full && !usage.pss);
  if (incomplete && !is_alive(read_text(process / "status"))) return std::nullopt;
  return usage;
}

void add(Figure& sum, const Figure& part) {
  if (sum && part) {
    *sum += *part;
  } else {
    sum.reset();
  }
}

void add(Usage& sum, const Usage& part) {
  sum.pids.insert(sum.pids.end(), part.pids.begin(), part.pids.end());
  for (const auto figure :
       {&Usage::rss, &Usage::peak_rss, &Usage::rss_anon, &Usage::pss, &Usage::virtual_size,
        &Usage::page_tables, &Usage::threads, &Usage::descriptors, &Usage::maps,
        &Usage::voluntary_switches, &Usage::involuntary_switches}) {
    add(sum.*figure, part.*figure);
  }
}

}  // namespace

std::optional<std::vector<pid_t>> descriptor_tables(pid_t pid, std::uint64_t most) {
  std::vector<pid_t> tables{pid};  // in the kernel's order
  std::uint64_t threads = 0;
  std::error_code error;
  const auto directory = std::filesystem::path("/proc") / std::to_string(pid) / "task";
  for (std::filesystem::directory_iterator entry(directory, error), end; entry != end && !error;
       entry.increment(error)) {
    if (++threads > most) return std::nullopt;
    const auto thread =
        static_cast<pid_t>(leading_number(entry->path().filename().string()).value_or(0));
    bool known = false;
    bool refused = false;
    const auto place = std::partition_point(tables.begin(), tables.end(), [&](pid_t table) {
      const long order = ::syscall(SYS_kcmp, table, thread, KCMP_FILES, 0, 0);
      // A thread that ends meanwhile has no table of its own any more.
      known = known || order == 0 || (order < 0 && errno == ESRCH);
      refused = refused || (order < 0 && errno != ESRCH);
      return order == 1;
    });
    if (refused) return threads == 1 ? std::optional(tables) : std::nullopt;
    if (!known) tables.insert(place, thread);
  }
  std::iter_swap(tables.begin(), std::find(tables.begin(), tables.end(), pid));
  return tables;
}

Usage read_usage(const std::vector<pid_t>& pids, Detail detail, const std::filesystem::path& root,
                 const std::function<bool()>& go_on) {
  Usage sum;
  std::size_t read = 0;
  for (const pid_t pid : pids) {
    if (++read % 16 == 0 && go_on && !go_on()) return {};
    const auto one = read_one(pid, detail, root);
    if (!one) continue;
    if (sum.pids.empty()) {
      sum = *one;
    } else {
      add(sum, *one);
    }
  }
  return sum;
}

std::optional<std::uint64_t> read_resident(const std::vector<pid_t>& pids,
                                           const std::filesystem::path& root) {
  Figure sum;
  for (const pid_t pid : pids) {
    const auto text = read_text(root / "proc" / std::to_string(pid) / "statm");
    std::string_view words = text ? std::string_view(*text) : std::string_view();
    next_word(words);  // the virtual size
    const auto pages = leading_number(next_word(words));
    if (pages.value_or(0) == 0) continue;  // gone, or a zombie
    sum = sum.value_or(0) + *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  return sum;
}

}  // namespace limits
