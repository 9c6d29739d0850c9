// System calls that fail to order: what a full machine answers, without filling it.
#pragma once

#include <initializer_list>
#include <vector>

namespace conformance {

/// From here on each of `calls`, made by this thread or by what it starts, is answered with the
/// next of `outcomes`, an errno; 0, and whatever comes after the last one, lets the kernel answer.
/// For a process of its own: it cannot be undone (seccomp_unotify(2)). False with errno.
bool script_calls(std::initializer_list<unsigned> calls, std::vector<int> outcomes);

}  // namespace conformance
