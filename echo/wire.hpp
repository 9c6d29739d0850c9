// The payload: bytes that identify their message.
//
// A load generator that sends the same bytes on every socket cannot distinguish a swapped answer
// from a right one. Here every 16-byte block identifies its connection, its message and its place.
// A changed, missing, repeated or foreign byte is therefore found at its offset, and a whole
// foreign block is traced to its owner. Verifying needs no state except an offset: the expected
// bytes are computed again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "echo/splitmix64.hpp"

namespace echo {

/// Which message on which connection, both counted from 0.
struct MessageId {
  std::uint32_t connection = 0;
  std::uint32_t message = 0;
  friend bool operator==(MessageId, MessageId) = default;
};

/// The first byte that differs from what was sent.
struct Mismatch {
  std::uint64_t offset = 0;  ///< within the message, bytes
  std::byte expected{};
  std::byte got{};
  std::optional<MessageId> owner;  ///< set when the block belongs to another message: `foreign`
};

/// What a run sends: unique bytes of a fixed size, or one text on every connection.
class Payload {
 public:
  /// Bytes unique to (nonce, connection, message). Below 16 bytes they are still checked but have
  /// no owner. Because of `nonce`, bytes of an earlier run are not accepted as this run's.
  static Payload unique(std::size_t size, std::uint64_t nonce);
  /// `text` on every connection: foreign bytes cannot be recognised then.
  static Payload text(std::string text);

  /// Bytes in one message; never 0.
  [[nodiscard]] std::size_t size() const { return size_; }

  /// Writes the bytes [offset, offset + out.size()) of message `id`.
  void fill(MessageId id, std::uint64_t offset, std::span<std::byte> out) const {
    if (const std::uint64_t* keys = kept_keys(offset, out.size())) {
      for (std::size_t at = 0; at < out.size(); at += sizeof(Block)) {
        const Block block = block_of(id, *keys++);
        std::memcpy(out.data() + at, &block, sizeof block);
      }
    } else {
      fill_any(id, offset, out);
    }
  }

  /// Whether `got` are the bytes of message `id` from `offset` on. It covers whole blocks whose
  /// keys are stored, as in most messages of most runs, with a few instructions per block. False
  /// means unknown: call verify().
  [[nodiscard]] bool holds(MessageId id, std::uint64_t offset,
                           std::span<const std::byte> got) const {
    const std::uint64_t* keys = kept_keys(offset, got.size());
    if (keys == nullptr) return false;
    std::uint64_t differing = 0;
    for (std::size_t at = 0; at < got.size(); at += sizeof(Block)) {
      const Block expected = block_of(id, *keys++);
      Block seen;
      std::memcpy(&seen, got.data() + at, sizeof seen);
      differing |= (seen.name ^ expected.name) | (seen.check ^ expected.check);
    }
    return differing == 0;
  }

  /// Compares `got` with the bytes of message `id` from `offset` on; nullopt when all are right.
  /// offset + got.size() must not pass size().
  [[nodiscard]] std::optional<Mismatch> verify(MessageId id, std::uint64_t offset,
                                               std::span<const std::byte> got) const;

 private:
  /// 16 bytes as two words: the message under the block's key, and a checksum. They can be decoded:
  /// the key's place gives the message, and the message gives the checksum.
  struct Block {
    std::uint64_t name, check;
  };
  static constexpr std::size_t block_size = sizeof(Block);
  static_assert(block_size == 16);

  static std::uint64_t packed(MessageId id) {
    return (std::uint64_t{id.connection} << 32U) | id.message;
  }
  static Block block_of(MessageId id, std::uint64_t key) {
    return {packed(id) ^ key, packed(id) * splitmix64_increment + key};
  }

  Payload(std::size_t size, std::uint64_t nonce, std::string text)
      : size_(size), nonce_(nonce), text_(std::move(text)) {}
  [[nodiscard]] std::uint64_t key_of(std::uint64_t block) const;
  /// The keys of a piece that consists of whole blocks; nullptr where it does not, or where they
  /// are not stored.
  [[nodiscard]] const std::uint64_t* kept_keys(std::uint64_t offset, std::size_t length) const {
    const bool whole = (offset | length) % block_size == 0;
    return whole && (offset + length) / block_size <= keys_.size()
               ? keys_.data() + offset / block_size
               : nullptr;
  }
  void fill_any(MessageId id, std::uint64_t offset, std::span<std::byte> out) const;
  [[nodiscard]] std::optional<MessageId> owner_of(std::uint64_t block,
                                                  std::span<const std::byte> bytes) const;

  std::size_t size_;
  std::uint64_t nonce_;
  std::string text_;
  std::vector<std::uint64_t> keys_;  ///< of the first blocks: they are used twice per echo
};

}  // namespace echo
