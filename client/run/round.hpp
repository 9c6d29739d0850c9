// One round of a load: connect, traffic, drain, with samples of both ends in between.
#pragma once

#include <cstdint>

#include "client/result/result.hpp"
#include "client/run/run_context.hpp"

namespace client {

/// Runs round `number` (from 0) and returns what was measured.
Result run_round(const RunContext& context, std::uint64_t number);

}  // namespace client
