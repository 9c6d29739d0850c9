#include "echo_threads/stack/stack.hpp"

#include <alloca.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/Error.hpp>
#include <system_error>

#include "echo/options.hpp"
#include "limits/quantity.hpp"

// Painting and touching write to memory that belongs to no C++ object. A sanitizer would check each
// write against its shadow memory, which does not describe this area, by calls whose frames lie in
// the painted area.
#define ON_RAW_STACK __attribute__((noinline, no_sanitize("address", "thread", "undefined")))

namespace echo_threads {
namespace {

using Word = std::uint64_t;

/// Not text, not a small number, not an address of this machine.
constexpr Word pattern = 0xA5C3'96F0'5A3C'690FULL;
/// Bytes left unpainted below the painting frame: the ABI's red zone of 128, and the saved
/// registers of a leaf function.
constexpr std::size_t red_zone = 256;

std::uint64_t page_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t whole_pages(std::uint64_t bytes) {
  const std::uint64_t page = page_bytes();
  return (bytes + page - 1) / page * page;
}

/// Paints from below this frame down to `lowest`; returns the upper end of the paint. The words are
/// volatile because a compiler turns a plain loop into a call of memset(3), whose frame would lie
/// in the painted area.
ON_RAW_STACK const std::byte* paint_down_to(std::byte* lowest) {
  const auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  // NOLINTNEXTLINE(performance-no-int-to-ptr): rounded down, which a pointer cannot be
  auto* word = reinterpret_cast<volatile Word*>((frame - red_zone) / sizeof(Word) * sizeof(Word));
  const volatile Word* const end = word;
  const auto* const last = reinterpret_cast<const volatile Word*>(lowest);
  while (word > last) *--word = pattern;
  return reinterpret_cast<const std::byte*>(const_cast<const Word*>(end));
}

ON_RAW_STACK const std::byte* first_changed(const std::byte* lowest, const std::byte* end) {
  const auto* word = reinterpret_cast<const volatile Word*>(lowest);
  const auto* const last = reinterpret_cast<const volatile Word*>(end);
  while (word < last && *word == pattern) ++word;
  return reinterpret_cast<const std::byte*>(const_cast<const Word*>(word));
}

}  // namespace

void add_stack_options(CLI::App& app, StackOptions& options) {
  echo::add_size(app, "-s,--stack-size", options.size,
                 "Stack size of each thread, in virtual memory; only touched pages are resident",
                 {1, 1ULL << 40U});
  echo::add_size(app, "--guard-size", options.guard,
                 "Guard size below each stack; 0: none. The guard of a stack that pthread maps "
                 "takes a memory map",
                 {0, 1ULL << 30U});
  echo::add_size(app, "--touch-stack", options.touch,
                 "Bytes of each stack to touch above the serving frames, as a real handler would; "
                 "0: none",
                 {0, 1ULL << 40U});
  echo::add_flag(app, "--stack-report", options.report,
                 "Paint each stack and report how deep it was used. Makes the whole stack "
                 "resident: measure memory without it");
}

void check(const StackOptions& options, std::uint64_t buffer_bytes, std::uint64_t protocol_bytes) {
  const auto least = static_cast<std::uint64_t>(::sysconf(_SC_THREAD_STACK_MIN));
  if (options.size < least) {
    throw CLI::ValidationError(
        "--stack-size",
        fmt::format("{} is below the platform's minimum, {} (PTHREAD_STACK_MIN)",
                    limits::format_bytes(options.size), limits::format_bytes(least)));
  }
  const std::uint64_t on_it = options.touch + buffer_bytes + protocol_bytes;
  if (whole_pages(options.size) > on_it) return;
  std::string what;
  if (options.touch > 0) what = "a --touch-stack of " + limits::format_bytes(options.touch);
  if (buffer_bytes > 0) {
    what += (what.empty() ? "" : " and ") +
            ("a --buffer-size of " + limits::format_bytes(buffer_bytes));
  }
  if (protocol_bytes > 0) what += (what.empty() ? "" : " and ") + std::string("--protocol http");
  // The thread's own set-up takes some KiB as well, so at least one page more is needed.
  throw CLI::ValidationError(
      "--stack-size",
      fmt::format("{} cannot hold {}: at least {}K, plus the thread's own frames",
                  limits::format_bytes(options.size), what, whole_pages(on_it + 1) / 1024));
}

void apply(const StackOptions& options, pthread_attr_t* attributes) {
  const int error = ::pthread_attr_setstacksize(attributes, whole_pages(options.size));
  if (error != 0) throw std::system_error(error, std::generic_category(), "--stack-size");
  ::pthread_attr_setguardsize(attributes, options.guard);
}

std::uint64_t touched_bytes(const StackOptions& options) {
  return options.report ? whole_pages(options.size) : options.touch;
}

bool is_ordinary(const StackOptions& options, std::uint64_t buffer_bytes) {
  // A buffer of half a page cannot step over a guard. With `ample` room, no buffer can.
  constexpr std::uint64_t small = 2048;
  constexpr std::uint64_t ample = 16U << 10U;
  return options.touch == 0 && !options.report &&
         (buffer_bytes <= small || options.size >= buffer_bytes + ample);
}

Paint::Paint() {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return;
  void* lowest = nullptr;
  std::size_t size = 0;
  ::pthread_attr_getstack(&attributes, &lowest, &size);  // without its guard
  ::pthread_attr_destroy(&attributes);
  lowest_ = static_cast<std::byte*>(lowest);
  top_ = lowest_ + size;
  end_ = paint_down_to(static_cast<std::byte*>(lowest));
}

std::optional<std::uint64_t> Paint::high_water() const {
  if (end_ == nullptr) return std::nullopt;
  return static_cast<std::uint64_t>(top_ - first_changed(lowest_, end_));
}

ON_RAW_STACK void at_depth(std::uint64_t bytes, void (*work)(void*, std::byte*), void* argument) {
  constexpr std::uint64_t step = 4096;  // no page is smaller
  auto* const room = static_cast<std::byte*>(alloca(bytes));
  // Touched here, without a call: the frame of a callee would lie below the pages not yet touched.
  volatile std::byte* const touched = room;
  for (std::uint64_t left = bytes; left > 0; left -= left < step ? left : step) {
    touched[left - 1] = std::byte{1};
  }
  if (bytes > 0) touched[0] = std::byte{1};
  work(argument, room);
  // Prevents a tail call: `room` belongs to this frame and must exist until `work` has returned.
  asm volatile("" : : "r"(room) : "memory");
}

}  // namespace echo_threads
