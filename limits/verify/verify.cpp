#include "limits/verify/verify.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "limits/verify/confined_child.hpp"
#include "limits/verify/probes.hpp"

namespace limits {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds most_per_probe{4'000};
constexpr milliseconds most_in_all{15'000};

struct Probe {
  const char* name;
  Finding (*reach)();
};
constexpr std::array probes{Probe{"open files", probe_open_files},
                            Probe{"open files, highest", probe_highest_open_files},
                            Probe{"descriptor numbers", probe_descriptor_numbers},
                            Probe{"epoll watches, user", probe_epoll_watches},
                            Probe{"user processes", probe_user_processes},
                            Probe{"process ids", probe_process_ids},
                            Probe{"memory maps", probe_memory_maps},
                            Probe{"address space", probe_address_space},
                            Probe{"data segment", probe_data_segment},
                            Probe{"user addresses", probe_user_addresses},
                            Probe{"smallest stack", probe_smallest_stack},
                            Probe{"listen backlog", probe_listen_backlog},
                            Probe{"local ports", probe_local_ports}};

/// Limits that nothing confined can reach.
struct Unreachable {
  const char* name;
  const char* reason;
};
constexpr std::array unreachable{
    Unreachable{"open files, machine",
                "fs.file-max is the host's: other programs would get ENFILE"},
    Unreachable{"threads, machine",
                "kernel.threads-max is the host's: other programs could start no thread"},
    Unreachable{"memory", "reaching it ends processes, not always the one that grew"},
    Unreachable{"cgroup memory", "reaching it ends processes of the group"},
    Unreachable{"tracked connections", "a warning: whether the kernel tracks is not known"},
    Unreachable{"TCP memory, pages", "net.ipv4.tcp_mem is the host's, and a warning"},
    Unreachable{"CPU quota, % of one", "a warning: load reaches it, and no number"}};

}  // namespace

std::vector<Verification> verify_limits() {
  std::vector<Verification> found;
  const auto end = Clock::now() + most_in_all;
  const auto time_left = [end] {
    return std::min(most_per_probe, std::chrono::ceil<milliseconds>(end - Clock::now()));
  };
  const auto add = [&](const char* name, auto&& reach) {
    found.push_back(
        {name, time_left() > milliseconds{0} ? reach() : not_verified("no time was left")});
  };
  for (const Probe& probe : probes)
    add(probe.name, [&] { return in_child(probe.reach, time_left()); });
  add("cgroup tasks", [&] { return probe_cgroup_tasks(time_left()); });
  for (const Unreachable& limit : unreachable)
    found.push_back({limit.name, not_verified(limit.reason)});
  return found;
}

bool all_agree(const std::vector<Verification>& verifications) {
  return std::all_of(verifications.begin(), verifications.end(), [](const Verification& one) {
    return !one.finding.verified || one.finding.agrees();
  });
}

}  // namespace limits
