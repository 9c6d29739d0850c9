// System calls with scripted failures: the errors of a full machine, without filling a machine.
#pragma once

#include <initializer_list>
#include <vector>

namespace conformance {

/// From now on each of `calls`, made by this thread or by threads and processes that it starts,
/// fails with the next of `outcomes`, an errno. With 0, and after the last outcome, the kernel
/// executes the call. It cannot be undone, so use a separate process (seccomp_unotify(2)). False
/// with errno when the filter cannot be set.
bool script_calls(std::initializer_list<unsigned> calls, std::vector<int> outcomes);

}  // namespace conformance
