// The costs of a run, from the samples taken during it.
#pragma once

#include <cstdint>

#include "client/measure/observe.hpp"
#include "client/result/costs.hpp"

namespace client {

/// The costs of a run with `echoes` echoes received between `moments.begin` and `moments.end`.
Costs costs_of(const Moments& moments, std::uint64_t echoes);

}  // namespace client
