// Probes of threads and processes; see probes.hpp.
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>

#include "limits/cgroup.hpp"
#include "limits/kernel.hpp"
#include "limits/verify/confined_child.hpp"
#include "limits/verify/prediction.hpp"
#include "limits/verify/privilege.hpp"
#include "limits/verify/probes.hpp"

namespace limits {
namespace {

constexpr std::uint64_t small_stack = 64U << 10U;
constexpr std::uint64_t small_guard = 4096;

void* wait_for_ever(void*) {
  for (;;) ::pause();
}
void* end_at_once(void*) {
  return nullptr;
}

Demand one_thread_each() {
  Demand demand = nothing();
  demand.traits.threads_per_connection = 1;
  return demand;
}

/// The finding of threads that are started until the limit `row` refuses one.
Finding threads_until_refused(const std::string& row, const std::string& confined,
                              std::uint64_t most) {
  Finding finding;
  finding.confined = ShortText<64>(confined);
  finding.predicted = predicted(row, one_thread_each());
  int error = 0;
  finding.reached = start_waiting_threads(small_stack, small_guard, most, error);
  finding.error = ShortText<64>(name_of_error(error));
  finding.verified = true;
  return finding;
}

/// Process ids that have been used: below 300 they are not given again.
void use_up_the_first_process_ids() {
  constexpr int reserved = 300;
  for (int i = 0; i < reserved; ++i) {
    pthread_t thread{};
    if (::pthread_create(&thread, nullptr, end_at_once, nullptr) == 0)
      ::pthread_join(thread, nullptr);
  }
}

/// The first process of a pid namespace: lowers that namespace's own pid_max and reaches it.
Finding in_own_pid_namespace(std::uint64_t outer_most) {
  const auto own = Kernel{}.sysctl("kernel.pid_max");
  // Before Linux 6.14 there is one pid_max for all. Two values at one time are two limits.
  if (!own || own->value == outer_most)
    return not_verified("kernel.pid_max is the host's (a pid namespace has its own from 6.14 on)");
  if (const std::string reason = mount_own_proc(); !reason.empty()) return not_verified(reason);
  if (const std::string reason = write_setting("/proc/sys/kernel/pid_max", "800"); !reason.empty())
    return not_verified(reason);
  use_up_the_first_process_ids();
  return threads_until_refused("process ids", "kernel.pid_max 800 of a pid namespace", 2'000);
}

/// A control group that exists while this object does. Signals wait meanwhile: none may end the
/// program and leave the group behind.
class OwnGroup {
 public:
  explicit OwnGroup(const std::string& parent)
      : path_(parent + "/limits-verify-" + std::to_string(::getpid())) {
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) ::sigaddset(&ending, number);
    ::sigprocmask(SIG_BLOCK, &ending, &before_);
    if (::mkdir(path_.c_str(), 0755) != 0) error_ = errno;
  }
  OwnGroup(const OwnGroup&) = delete;
  OwnGroup& operator=(const OwnGroup&) = delete;
  /// The tasks in it have been killed, and leave it some milliseconds later.
  ~OwnGroup() {
    constexpr int patience = 200;
    for (int i = 0; error_ == 0 && i < patience; ++i) {
      if (::rmdir(path_.c_str()) == 0 || errno != EBUSY) break;
      ::usleep(10'000);
    }
    ::sigprocmask(SIG_SETMASK, &before_, nullptr);
  }
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  sigset_t before_{};
  int error_ = 0;
};

}  // namespace

std::uint64_t start_waiting_threads(std::uint64_t stack_bytes, std::uint64_t guard_bytes,
                                    std::uint64_t most, int& error) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  ::pthread_attr_setguardsize(&attributes, guard_bytes);
  std::uint64_t started = 0;
  error = 0;
  while (started < most && error == 0) {
    pthread_t thread{};
    error = ::pthread_create(&thread, &attributes, wait_for_ever, nullptr);
    if (error == 0) ++started;
  }
  return started;
}

Finding probe_user_processes() {
  if (const std::string reason = count_tasks_apart(); !reason.empty()) return not_verified(reason);
  const rlimit few{40, 40};
  if (::setrlimit(RLIMIT_NPROC, &few) != 0) return not_verified("setrlimit of RLIMIT_NPROC");
  return threads_until_refused("user processes", "RLIMIT_NPROC 40", 500);
}

Finding probe_process_ids() {
  const auto outer = Kernel{}.sysctl("kernel.pid_max");
  if (!outer) return not_verified("kernel.pid_max cannot be read");
  if (const std::string reason = leave_pid_namespace(); !reason.empty())
    return not_verified(reason);
  constexpr std::chrono::milliseconds longer_than_its_parent{60'000};
  return in_child([&] { return in_own_pid_namespace(outer->value); }, longer_than_its_parent);
}

Finding probe_cgroup_tasks(std::chrono::milliseconds at_most) {
  const auto parent = own_cgroup("/", Controller::tasks);
  if (!parent) return not_verified("no control group has the pids controller");
  const OwnGroup group(*parent);
  if (group.error() != 0)
    return not_verified("mkdir of " + group.path() + ": " + std::strerror(group.error()));
  if (const std::string reason = write_setting(group.path() + "/pids.max", "40"); !reason.empty())
    return not_verified(reason);
  return in_child(
      [&] {
        const std::string reason =
            write_setting(group.path() + "/cgroup.procs", std::to_string(::getpid()));
        if (!reason.empty()) return not_verified(reason);
        return threads_until_refused("cgroup tasks", "pids.max 40 of a group of its own", 500);
      },
      at_most);
}

}  // namespace limits
