// The buffer that a connection reads into.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace echo_async {

/// Bytes aligned to a cache line; a heap block begins in the middle of one. A message of 64 B is
/// then read and sent from one line instead of two. With 10,000 connections none is still in the
/// cache when its turn comes.
class Buffer {
 public:
  explicit Buffer(std::size_t size) : bytes_(new (line) std::byte[size]), size_(size) {}

  [[nodiscard]] std::span<std::byte> all() const { return {bytes_.get(), size_}; }

 private:
  static constexpr std::align_val_t line{64};
  struct Free {
    void operator()(std::byte* bytes) const { ::operator delete[](bytes, line); }
  };

  std::unique_ptr<std::byte[], Free> bytes_;
  std::size_t size_;
};

}  // namespace echo_async
