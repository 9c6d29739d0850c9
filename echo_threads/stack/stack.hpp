// The stacks of threads that serve: how large, what guards them, how deep a handler goes into them,
// and how deep they were used.
//
// --touch-stack stands for the handler that an echo does not have: its frames, touched page by page
// from the top, with the serving below them, where a real handler's calls would be. --stack-report
// paints: the thread fills what is below its first frames with a pattern and looks, at its end, how
// far down the pattern is gone (FreeRTOS and the Linux kernel's DEBUG_STACK_USAGE do the same). It
// makes the whole stack resident, so memory is to be measured in another run. When neither is asked
// for, nothing is done. Try it: ./echo_threads --touch-stack 16K --stack-report & ./client -n 1000
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "echo/cli_fwd.hpp"

namespace echo_threads {

struct StackOptions {
  std::uint64_t size = 64U << 10U;
  std::uint64_t guard = 4096;
  std::uint64_t touch = 0;
  bool report = false;
};

/// -s/--stack-size, --guard-size, --touch-stack, --stack-report.
void add_stack_options(CLI::App& app, StackOptions& options);

/// Throws CLI::ValidationError for a size that surely cannot be: below the platform's least, or
/// below --touch-stack and `buffer_bytes`, which lie on it. What lies there beside them (the
/// thread's set-up, the frames of the echo) is not counted: a size in between faults on its guard,
/// and that is how the true least is found. `buffer_bytes` 0: the buffer is not on the stack.
void check(const StackOptions& options, std::uint64_t buffer_bytes);

/// Its guard, its size in whole pages.
void apply(const StackOptions& options, pthread_attr_t* attributes);

/// What --touch-stack or the paint make resident of each stack, beside what an echo touches.
std::uint64_t touched_bytes(const StackOptions& options);

/// Whether a thread with `buffer_bytes` on such a stack needs none of what on_stack() does: nothing
/// asked for, and no frame of it that could step over the guard.
bool is_ordinary(const StackOptions& options, std::uint64_t buffer_bytes);

/// The calling thread's stack, painted below the frames that stand now. Not for the main thread.
class Paint {
 public:
  Paint();
  /// Bytes from the top to the deepest that has changed since; nullopt when the kernel would not
  /// tell where the stack lies. By the same thread, from a frame no deeper than the one that
  /// painted.
  [[nodiscard]] std::optional<std::uint64_t> high_water() const;

 private:
  const std::byte* lowest_ = nullptr;
  const std::byte* top_ = nullptr;
  const std::byte* end_ = nullptr;  ///< of the paint, between the two
};

/// Calls `work` with `bytes` of this thread's stack between the caller's frame and its own, touched
/// in pages from the top down: a stack that is too small faults on its guard, and nothing jumps
/// over it. `work` may use them.
void at_depth(std::uint64_t bytes, void (*work)(void* argument, std::byte* room), void* argument);

/// Runs `work(buffer)` on the calling thread, at the depth and on the paint that `options` ask for;
/// `buffer` is so many bytes of its stack. Returns the high water; nullopt where none was asked
/// for.
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
