// What follows from the measurements of a run: costs, rates, verdicts, warnings, the exit code. All
// of them are computed here, once, and kept in the Result.
#pragma once

#include "client/result/result.hpp"

namespace client {

/// Computes costs, throughput, judgements and warnings of `result` from the rest of it.
void conclude(Result& result);

/// The exit code; precedence 129/130/143, 5, 4, 1, 0. It depends on Result::signal and the
/// judgements.
int exit_code_of(const Result& result);

}  // namespace client
