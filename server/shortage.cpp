#include "server/shortage.hpp"

#include <exception>

#include "limits/groups/task_shortage.hpp"
#include "limits/kernel.hpp"

namespace server {

void note_task_shortage(ModelMeasurements& measurements, std::uint64_t stack_bytes,
                        std::uint64_t guard_bytes) noexcept {
  if (!measurements.task_shortage.empty()) return;
  try {
    // First what the process has: reading the ceilings takes memory of it.
    const limits::RefusedTask task =
        stack_bytes > 0 ? limits::refused_thread(stack_bytes, guard_bytes) : limits::RefusedTask{};
    measurements.task_shortage =
        limits::task_shortage(limits::read_ceilings(limits::Kernel{}), task);
  } catch (const std::exception&) {  // the report has the count alone
  }
}

}  // namespace server
