// Every event-driven model, as an explicit list: self-registering objects would be dropped by the
// linker from a static library.
#pragma once

#include <span>

#include "echo/model.hpp"

namespace echo_async {

std::span<const echo::Model* const> models();

}  // namespace echo_async
