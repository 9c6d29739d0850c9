// Every event-driven model, as an explicit list: the linker would drop self-registering objects
// from a static library.
#pragma once

#include <span>

#include "server/model.hpp"

namespace echo_async {

std::span<const server::Model* const> models();

}  // namespace echo_async
