// What the threads of a server keep for HTTP: on the heap, made with the first request, or in
// memory that the thread itself provides.
//
// Static thread-local memory lies on the stack of each thread, and an echo thread with
// --one-page-stacks has no 64 bytes left there. So it holds pointers only.
#pragma once

#include <array>
#include <cstddef>
#include <ctime>
#include <memory>
#include <new>
#include <span>

namespace protocol {

struct ThreadMemory {
  static constexpr std::size_t date_size = 29;  ///< "Sun, 06 Nov 1994 08:49:37 GMT"

  std::time_t second = -1;             ///< of `date`
  std::array<char, date_size> date{};  ///< composed once per second
  std::span<std::byte> room;           ///< where Turns lie
};

namespace detail {

inline constinit thread_local ThreadMemory* thread_memory = nullptr;

/// Destroyed with the thread.
struct OwnThreadMemory {
  ThreadMemory memory;
  std::unique_ptr<std::byte[]> room;
};

inline ThreadMemory& own_thread_memory(std::size_t room_size) {
  thread_local std::unique_ptr<OwnThreadMemory> own;
  own = std::make_unique<OwnThreadMemory>();
  own->room = std::make_unique_for_overwrite<std::byte[]>(room_size);
  own->memory.room = {own->room.get(), room_size};
  return own->memory;
}

}  // namespace detail

/// That of the calling thread, with `room_size` bytes of room or more. Throws std::bad_alloc where
/// it must be made.
inline ThreadMemory& thread_memory(std::size_t room_size = 0) {
  ThreadMemory*& memory = detail::thread_memory;
  if (memory == nullptr || memory->room.size() < room_size) [[unlikely]] {
    memory = nullptr;
    memory = &detail::own_thread_memory(room_size);
  }
  return *memory;
}

/// The bytes to lend_to_thread().
inline constexpr std::size_t thread_memory_size = sizeof(ThreadMemory) + alignof(ThreadMemory);

/// The calling thread uses these bytes from now on, without room; they must live as long as it
/// calls the protocol.
inline void lend_to_thread(std::span<std::byte> bytes) {
  void* at = bytes.data();
  std::size_t left = bytes.size();
  if (std::align(alignof(ThreadMemory), sizeof(ThreadMemory), at, left) == nullptr) return;
  detail::thread_memory = new (at) ThreadMemory;
}

}  // namespace protocol
