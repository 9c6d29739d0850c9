// Symptoms by the names of the rows; see effect.hpp. Sources: the manual pages of the calls, and
// the kernel's files named in docs/kernel-costs.md.
#include "limits/groups/effect.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace limits {
namespace {

struct Effect {
  std::string_view name, symptom, who;
};

constexpr std::string_view of_host = "root of the host (uid 0 of the initial user namespace)";
constexpr std::string_view of_group = "whoever may write the group's file: root, systemd";
constexpr std::string_view task_again = "EAGAIN from fork(2) and pthread_create(3)";
constexpr std::string_view rlimit_owner =
    "any user up to the hard limit; CAP_SYS_RESOURCE beyond it";

constexpr std::array effects{
    Effect{"descriptor numbers", "the connection is closed: FD_SET(3) cannot name its descriptor",
           "nobody: a constant of select(2)"},
    Effect{"open files",
           "EMFILE from accept(2) and socket(2); the listener stays readable, so a loop spins",
           rlimit_owner},
    Effect{"open files, highest",
           "EPERM from setrlimit(2) above it, EMFILE where the limit is higher already", of_host},
    Effect{"open files, machine", "ENFILE from accept(2) and socket(2); CAP_SYS_ADMIN is exempt",
           of_host},
    Effect{"epoll watches, user",
           "ENOSPC from epoll_ctl(2), in every program of the user; root is not exempt", of_host},
    Effect{"user processes",
           "EAGAIN from fork(2) and pthread_create(3); counted by user and user namespace",
           rlimit_owner},
    Effect{"process ids", task_again, of_host},
    Effect{"process ids, outside", task_again, of_host},
    Effect{"threads, machine", "EAGAIN from fork(2) and pthread_create(3); root is not exempt",
           of_host},
    Effect{"cgroup tasks", "EAGAIN from fork(2) and pthread_create(3); pids.events counts them",
           of_group},
    Effect{"memory maps",
           "ENOMEM from mmap(2) and mprotect(2), which pthread_create(3) turns into EAGAIN",
           of_host},
    Effect{"user addresses", "ENOMEM from mmap(2), which pthread_create(3) turns into EAGAIN",
           "nobody: the processor's page tables"},
    Effect{"address space", "ENOMEM from mmap(2), which pthread_create(3) turns into EAGAIN",
           rlimit_owner},
    Effect{"data segment",
           "ENOMEM from mprotect(2) and mmap(2), which pthread_create(3) turns into EAGAIN",
           rlimit_owner},
    Effect{"committed memory", "ENOMEM from mmap(2), which pthread_create(3) turns into EAGAIN",
           of_host},
    Effect{"memory", "the OOM killer ends a process, not always the one that grew",
           "nobody: add memory, or use fewer connections"},
    Effect{"cgroup memory", "the OOM killer ends a process of the group; memory.events counts it",
           of_group},
    Effect{
        "local ports",
        "EADDRNOTAVAIL from connect(2); beyond half the range connect(2) is up to 12 times slower",
        "any user: more source addresses; the range: root of the network namespace"},
    Effect{"listen backlog",
           "no error: SYNs are dropped and sent again after 1 s; ListenOverflows counts them",
           "any user up to somaxconn; somaxconn: root of the network namespace"},
    Effect{"tracked connections",
           "packets are dropped, connects time out; the kernel logs \"nf_conntrack: table full\"",
           of_host},
    Effect{"TCP memory, pages",
           "no error: sends wait, windows shrink, orphans are reset; TCPMemoryPressures counts it",
           of_host},
    Effect{"CPU quota, % of one", "all threads of the group stand still until the next period",
           of_group},
};

}  // namespace

void add_effect(Verdict& verdict) {
  const auto* found = std::find_if(effects.begin(), effects.end(), [&](const Effect& effect) {
    return effect.name == verdict.name;
  });
  if (found == effects.end()) return;
  verdict.symptom = found->symptom;
  verdict.who = found->who;
}

}  // namespace limits
