// The warnings of a whole run: what its counts, the kernel and the server's sockets show, then
// those about its costs (warnings.hpp). The kernel's counters of TCP events belong to all programs
// in the network namespace; a sentence that uses one says so.
#pragma once

#include <string>
#include <vector>

#include "client/result/result.hpp"

namespace client {

/// What may make this result misleading, and the remedy. Precondition: Result::costs and
/// Result::throughput are those of the run.
std::vector<std::string> warnings_of(const Result& result);

}  // namespace client
