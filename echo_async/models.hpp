// The list of all event-driven models, from easy to hard. It is explicit because the linker would
// drop self-registering objects from a static library.
#pragma once

#include <span>

#include "server/model.hpp"

namespace echo_async {

std::span<const server::Model* const> models();
/// Runs unless --model is given.
const server::Model& default_model();

}  // namespace echo_async
