// Resource limits and the capabilities that lift them; see rlimit.hpp.
#include "limits/rlimit.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>

#include "limits/kernel.hpp"
#include "limits/proc_text.hpp"

namespace limits {
namespace {

std::uint64_t from_kernel(rlim_t value) {
  return value == RLIM_INFINITY ? unlimited : value;
}
rlim_t to_kernel(std::uint64_t value) {
  return value == unlimited ? RLIM_INFINITY : value;
}

/// The initial namespace has a fixed inode (PROC_USER_INIT_INO, include/linux/proc_ns.h).
bool in_initial_user_namespace() {
  constexpr ino_t initial = 0xEFFFFFFDU;
  struct stat status {};
  return ::stat("/proc/self/ns/user", &status) == 0 && status.st_ino == initial;
}

bool capable(unsigned bit) {
  const auto status = read_text("/proc/self/status");
  return status && has_effective_capability(*status, bit) && in_initial_user_namespace();
}

bool set_open_files(std::uint64_t soft, std::uint64_t hard) {
  const rlimit wanted{to_kernel(soft), to_kernel(hard)};
  return ::setrlimit(RLIMIT_NOFILE, &wanted) == 0;
}

/// Closes the descriptors from `first` to `last`. close_range(2) came with Linux 5.9.
void close_from(unsigned first, unsigned last) {
  if (::close_range(first, last, 0) == 0) return;
  std::vector<int> open;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/thread-self/fd", error)) {
    const std::string name = entry.path().filename();
    const auto number = leading_number(name);
    if (number && *number >= first && *number <= last) open.push_back(static_cast<int>(*number));
  }
  for (const int fd : open) ::close(fd);
}

/// The hard column of "Max open files  1024  524288  files".
std::uint64_t hard_open_files(std::string_view limits_text) {
  auto line = line_after(limits_text, "Max open files");
  if (!line) return 0;
  next_word(*line);
  const std::string_view hard = next_word(*line);
  return hard == "unlimited" ? unlimited : leading_number(hard).value_or(0);
}

}  // namespace

Rlimit read_rlimit(int resource) {
  rlimit raw{};
  // glibc declares the resource as an enum in C++; the cast keeps that name out of the header.
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &raw) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            "getrlimit resource " + std::to_string(resource));
  }
  return {from_kernel(raw.rlim_cur), from_kernel(raw.rlim_max)};
}

std::uint64_t raise_open_files(std::uint64_t wanted) {
  rlimit raw{};
  if (::getrlimit(RLIMIT_NOFILE, &raw) != 0) return 0;
  const std::uint64_t soft = from_kernel(raw.rlim_cur);
  const std::uint64_t hard = from_kernel(raw.rlim_max);
  if (soft >= wanted) return soft;
  const auto most = Kernel().sysctl("fs.nr_open");  // no descriptor above it, whatever the limit
  if (most) wanted = std::min(wanted, most->value);
  if (wanted <= soft) return soft;
  if (wanted > hard && may_raise_hard_limits() && set_open_files(wanted, wanted)) return wanted;
  const std::uint64_t reachable = std::min(wanted, hard);
  return set_open_files(reachable, hard) ? reachable : soft;
}

bool has_effective_capability(const std::string& status, unsigned bit) {
  auto line = line_after(status, "CapEff:");
  if (!line || bit >= 64) return false;
  const std::string_view digits = next_word(*line);
  std::uint64_t mask = 0;
  const char* last = digits.data() + digits.size();
  const auto [end, error] = std::from_chars(digits.data(), last, mask, 16);
  return error == std::errc{} && end == last && ((mask >> bit) & 1U) != 0;
}

bool may_raise_hard_limits() {
  return capable(CAP_SYS_RESOURCE);
}

bool exempt_from_process_limit() {
  return in_initial_user_namespace() &&
         (::getuid() == 0 || capable(CAP_SYS_RESOURCE) || capable(CAP_SYS_ADMIN));
}

bool exempt_from_file_max() {
  return capable(CAP_SYS_ADMIN);
}

std::uint64_t ancestors_open_files(const std::filesystem::path& root) {
  std::uint64_t highest = 0;
  std::string pid = "self";
  for (int generation = 0; generation < 64;
       ++generation) {  // bounded: pids can be reused meanwhile
    const auto status = read_text(root / "proc" / pid / "status");
    if (!status) break;
    if (generation > 0 && !has_effective_capability(*status, CAP_SYS_RESOURCE)) {
      const auto text = read_text(root / "proc" / pid / "limits");
      if (text) highest = std::max(highest, hard_open_files(*text));
    }
    const auto parent = number_after(*status, "PPid:");
    if (!parent || *parent == 0) break;
    pid = std::to_string(*parent);
  }
  return highest;
}

void leave_descriptor_table(std::vector<int> keep) {
  if (::unshare(CLONE_FILES) != 0)
    throw std::system_error(errno, std::generic_category(), "unshare of the descriptor table");
  std::sort(keep.begin(), keep.end());
  unsigned first = STDERR_FILENO + 1;
  for (const int kept : keep) {
    const auto number = static_cast<unsigned>(kept);
    if (number < first) continue;
    if (number > first) close_from(first, number - 1);
    first = number + 1;
  }
  close_from(first, std::numeric_limits<unsigned>::max());
}

void reserve_descriptor_table(std::uint64_t count) {
  const std::uint64_t last = std::min(count, read_rlimit(RLIMIT_NOFILE).soft);
  if (last == 0 || last > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) return;
  const int any = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (any < 0) return;
  // The table grows for the requested number; closing that descriptor does not shrink it.
  const int high = ::fcntl(any, F_DUPFD_CLOEXEC, static_cast<int>(last) - 1);
  if (high >= 0) ::close(high);
  ::close(any);
}

}  // namespace limits
