// The stacks of serving threads: their size, their guard, how deep a handler goes, and how deep
// they were used.
//
// --touch-stack stands for the frames of a handler, which an echo does not have: it touches that
// many bytes page by page from the top, and the thread serves below them, where a real handler's
// calls would be. --stack-report paints: the thread fills the stack below its first frames with a
// pattern and finds at its end how far down the pattern was overwritten (FreeRTOS and the Linux
// kernel's DEBUG_STACK_USAGE do the same). This makes the whole stack resident, so memory must be
// measured in another run. Without these options nothing is done.
// Try it: ./echo_threads --touch-stack 16K --stack-report & ./client -n 1000
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "echo/cli_fwd.hpp"

namespace echo_threads {

enum class StackAllocator {
  pthread,  ///< pthread_create(3) maps each stack, and keeps some of those of ended threads
  region,   ///< all stacks lie in one mapping (stack_region.hpp)
};

struct StackOptions {
  std::uint64_t size = 64U << 10U;
  std::uint64_t guard = 4096;
  std::uint64_t touch = 0;
  bool report = false;
  StackAllocator allocator = StackAllocator::pthread;  ///< of a model with a thread per connection
};

/// -s/--stack-size, --guard-size, --touch-stack, --stack-report.
void add_stack_options(CLI::App& app, StackOptions& options);

/// Throws CLI::ValidationError for a size that is certainly too small: below the platform's
/// minimum, or below --touch-stack plus `buffer_bytes`, which lie on the stack. The thread's set-up
/// and the frames of the echo are not counted: a size in between faults on its guard, which is how
/// the true minimum is found. `buffer_bytes` 0: the buffer is not on the stack. `protocol_bytes`:
/// of the frames of another protocol than the echo (server::stack_bytes_of_protocol()).
void check(const StackOptions& options, std::uint64_t buffer_bytes,
           std::uint64_t protocol_bytes = 0);

/// Sets the guard size, and the stack size in whole pages. Throws std::system_error when the size
/// is refused.
void apply(const StackOptions& options, pthread_attr_t* attributes);

/// Bytes per stack that --touch-stack or the paint make resident, beside what an echo touches.
std::uint64_t touched_bytes(const StackOptions& options);

/// Whether a thread with `buffer_bytes` on such a stack can do without on_stack(): neither option
/// is given, and no frame can step over the guard.
bool is_ordinary(const StackOptions& options, std::uint64_t buffer_bytes);

/// Paints the calling thread's stack below its current frames. Not for the main thread.
class Paint {
 public:
  Paint();
  /// Bytes from the top to the deepest byte that has changed since; nullopt when
  /// pthread_getattr_np(3) could not locate the stack. Call it from the same thread, in a frame no
  /// deeper than the one that painted.
  [[nodiscard]] std::optional<std::uint64_t> high_water() const;

 private:
  const std::byte* lowest_ = nullptr;
  const std::byte* top_ = nullptr;
  const std::byte* end_ = nullptr;  ///< upper end of the paint
};

/// Calls `work` with `bytes` of this thread's stack between the caller's frame and its own. They
/// are touched page by page from the top down, so a stack that is too small faults on its guard and
/// nothing steps over it. `work` may use them.
void at_depth(std::uint64_t bytes, void (*work)(void* argument, std::byte* room), void* argument);

/// Runs `work(buffer)` on the calling thread, at the depth and with the paint of `options`;
/// `buffer` is `buffer_bytes` of its stack. Returns the high water in bytes; nullopt without
/// --stack-report.
template <typename Work>
std::optional<std::uint64_t> on_stack(const StackOptions& options, std::uint64_t buffer_bytes,
                                      Work work) {
  std::optional<Paint> paint;
  if (options.report) paint.emplace();
  at_depth(
      options.touch + buffer_bytes,
      [](void* it, std::byte* buffer) { (*static_cast<Work*>(it))(buffer); }, &work);
  if (!paint) return std::nullopt;
  return paint->high_water();
}

}  // namespace echo_threads
