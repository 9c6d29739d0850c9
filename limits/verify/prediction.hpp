// What the preflight predicts for a probe: the same functions, under the limits of this process.
#pragma once

#include <cstdint>
#include <string>

#include "limits/demand.hpp"

namespace limits {

/// A demand whose connections need nothing, nor the program: a probe adds what it uses.
Demand nothing();

/// What this process has now, to be added to a probe's demand.
std::uint64_t own_descriptors();
std::uint64_t own_maps();
std::uint64_t own_address_bytes();
std::uint64_t own_data_bytes();

/// How many connections of `demand` fit below the limit `row`, by preflight() with the ceilings of
/// this process. Throws std::runtime_error where it has no such row, or the row no such number.
std::uint64_t predicted(const std::string& row, const Demand& demand);

/// What the preflight says that the accept queue of a listener with `backlog` holds.
std::uint64_t predicted_queue(std::uint64_t backlog);

}  // namespace limits
