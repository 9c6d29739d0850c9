// The list of all blocking models, from easy to hard. It is explicit because the linker would drop
// self-registering objects from a static library.
#pragma once

#include <span>

#include "server/model.hpp"

namespace echo_threads {

std::span<const server::Model* const> models();
/// Runs unless --model is given.
const server::Model& default_model();

}  // namespace echo_threads
