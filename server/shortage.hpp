// The cause for which a server could start no thread or process, for its report.
#pragma once

#include <cstdint>

#include "server/model.hpp"

namespace server {

/// Records the limit that has no room for one more, at the first call; further calls cost a
/// comparison. Call it right after the failure. `stack_bytes` 0: a process was refused. Where the
/// memory for the text is short too, nothing is recorded.
void note_task_shortage(ModelMeasurements& measurements, std::uint64_t stack_bytes = 0,
                        std::uint64_t guard_bytes = 0) noexcept;

}  // namespace server
