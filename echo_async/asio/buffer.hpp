// What a connection reads into.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>

namespace echo_async {

/// Bytes that begin at the edge of a cache line, where a heap block begins in the middle of one: a
/// message of 64 B is then read and sent from one line and not from two. With 10,000 connections
/// none is in the cache any more when its turn comes.
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
