// What a child does before a probe, so that it reaches a limit of its own and of nobody else.
//
// Each function returns "" or the reason for which it could not.
#pragma once

#include <string>

namespace limits {

/// Gives up CAP_SYS_RESOURCE, which raises hard limits, for this process.
std::string give_up_hard_limits();

/// Whose tasks and epoll watches the kernel counts apart from those of all others: a uid that no
/// other process has. Needs CAP_SETUID.
std::string become_unused_user();

/// The same for tasks alone, as an ordinary user: a user namespace of its own.
std::string count_tasks_apart();

/// A network namespace of its own, with loopback; as an ordinary user in a user namespace.
std::string enter_network_namespace();

/// Children of this process are in a pid namespace of their own, with a private /proc to be mounted
/// by the first of them (mount_own_proc()).
std::string leave_pid_namespace();
std::string mount_own_proc();

/// Writes `text` to a file of /proc or a control group.
std::string write_setting(const std::string& path, const std::string& text);

}  // namespace limits
