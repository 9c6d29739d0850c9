// Runs a probe in a child process, so that what it confines and what it uses up end with it.
//
// The child is killed by its pid when it takes too long, and always reaped. Its own children die
// with it (PR_SET_PDEATHSIG, prctl(2)). The calling program must have one thread.
#pragma once

#include <chrono>
#include <functional>

#include "limits/verify/finding.hpp"

namespace limits {

/// The finding of `probe`, which runs in a child for `at_most`; not verified, with the reason, when
/// the child could not be started, threw, crashed or took longer.
Finding in_child(const std::function<Finding()>& probe, std::chrono::milliseconds at_most);

}  // namespace limits
