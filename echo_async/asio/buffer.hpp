// The buffer that a connection reads into.
#pragma once

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <span>

namespace echo_async {

/// Returns `bytes` where they lie in `room`, else a copy of them there.
inline std::span<const std::byte> keep_in(std::span<std::byte> room,
                                          std::span<const std::byte> bytes) {
  const std::less<> before;
  const bool lies_in_it =
      !before(bytes.data(), room.data()) && before(bytes.data(), room.data() + room.size());
  if (lies_in_it || bytes.empty()) return bytes;
  std::memcpy(room.data(), bytes.data(), bytes.size());
  return room.first(bytes.size());
}

/// Bytes aligned to a cache line; a heap block begins in the middle of one. A message of 64 B is
/// then read and sent from one line instead of two. With 10,000 connections none is still in the
/// cache when its turn comes.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : bytes_(new (line) std::byte[size]), size_(size) {}

  [[nodiscard]] std::span<std::byte> all() const { return {bytes_.get(), size_}; }
  /// The same bytes, or their copy in this buffer: those of a turn lie in it, or in memory that
  /// other connections use (protocol/protocol.hpp).
  [[nodiscard]] std::span<const std::byte> keep(std::span<const std::byte> bytes) const {
    return keep_in(all(), bytes);
  }

 private:
  static constexpr std::align_val_t line{64};
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete[](bytes, line); }
  };

  std::unique_ptr<std::byte[], Free> bytes_;
  std::size_t size_;
};

}  // namespace echo_async
