// What the threads of a server keep for HTTP, on the heap, made with the first request.
//
// Static thread-local memory lies on the stack of each thread, and an echo thread with
// --one-page-stacks has no 64 bytes left there. So it holds a pointer only.
#pragma once

#include <array>
#include <cstddef>
#include <ctime>
#include <memory>

namespace protocol {

struct ThreadMemory {
  static constexpr std::size_t date_size = 29;  ///< "Sun, 06 Nov 1994 08:49:37 GMT"

  std::time_t second = -1;             ///< of `date`
  std::array<char, date_size> date{};  ///< composed once per second
  std::size_t room_size = 0;
  std::unique_ptr<std::byte[]> room;  ///< where Turns lie
};

/// That of the calling thread. Throws std::bad_alloc at its first call.
inline ThreadMemory& thread_memory() {
  thread_local std::unique_ptr<ThreadMemory> memory;
  if (!memory) [[unlikely]]
    memory = std::make_unique<ThreadMemory>();
  return *memory;
}

}  // namespace protocol
