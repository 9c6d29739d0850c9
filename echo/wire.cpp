#include "echo/wire.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "echo/mix.hpp"

namespace echo {
namespace {

constexpr std::size_t block_size = 16;

constexpr std::uint64_t key(std::uint64_t nonce, std::uint64_t block) {
  return mix(nonce + (block + 1) * golden_gap);
}

constexpr std::uint64_t packed(MessageId id) {
  return (std::uint64_t{id.connection} << 32U) | id.message;
}

/// Keys that are kept instead of computed: those of the first 4 KiB of each message.
constexpr std::size_t most_keys = 256;

/// A block as two words: the id under the block's key `k`, and a checksum. Together they can be
/// read backwards.
struct Block {
  std::uint64_t name, check;
};
static_assert(sizeof(Block) == block_size);

constexpr Block block_of(std::uint64_t id, std::uint64_t k) {
  return {id ^ k, mix(id + k)};
}

}  // namespace

Payload Payload::unique(std::size_t size, std::uint64_t nonce) {
  Payload payload{size, nonce, {}};
  payload.keys_.resize(std::min(size / block_size + 1, most_keys));
  for (std::size_t block = 0; block < payload.keys_.size(); ++block)
    payload.keys_[block] = key(nonce, block);
  return payload;
}

Payload Payload::text(std::string text) {
  const std::size_t size = text.size();
  return {size, 0, std::move(text)};
}

std::uint64_t Payload::key_of(std::uint64_t block) const {
  return block < keys_.size() ? keys_[block] : key(nonce_, block);
}

/// The keys of a piece that consists of whole blocks, or nullptr where it does not or they are not
/// kept. Most messages of most runs do; an echo then costs no more than two words a block, twice.
const std::uint64_t* Payload::kept_keys(std::uint64_t offset, std::size_t length) const {
  const bool whole = offset % block_size == 0 && length % block_size == 0;
  return whole && (offset + length) / block_size <= keys_.size()
             ? keys_.data() + offset / block_size
             : nullptr;
}

void Payload::fill(MessageId id, std::uint64_t offset, std::span<std::byte> out) const {
  if (!text_.empty()) {
    std::memcpy(out.data(), text_.data() + offset, out.size());
    return;
  }
  if (const std::uint64_t* keys = kept_keys(offset, out.size())) {
    for (std::size_t at = 0; at < out.size(); at += block_size) {
      const Block block = block_of(packed(id), *keys++);
      std::memcpy(out.data() + at, &block, block_size);
    }
    return;
  }
  while (!out.empty()) {
    const Block block = block_of(packed(id), key_of(offset / block_size));
    const std::size_t from = offset % block_size;
    const std::size_t count = std::min(block_size - from, out.size());
    std::memcpy(out.data(), std::as_bytes(std::span(&block, 1)).data() + from, count);
    out = out.subspan(count);
    offset += count;
  }
}

/// Whether `got` is right, where that can be told without writing down what was expected.
bool Payload::holds(MessageId id, std::uint64_t offset, std::span<const std::byte> got) const {
  const std::uint64_t* keys = kept_keys(offset, got.size());
  if (keys == nullptr) return false;
  std::uint64_t differing = 0;
  for (std::size_t at = 0; at < got.size(); at += block_size) {
    const Block expected = block_of(packed(id), *keys++);
    Block seen;
    std::memcpy(&seen, got.data() + at, block_size);
    differing |= (seen.name ^ expected.name) | (seen.check ^ expected.check);
  }
  return differing == 0;
}

std::optional<Mismatch> Payload::verify(MessageId id, std::uint64_t offset,
                                        std::span<const std::byte> got) const {
  if (holds(id, offset, got)) return std::nullopt;
  std::array<std::byte, 256> expected;
  while (!got.empty()) {
    const std::size_t count = std::min(expected.size(), got.size());
    fill(id, offset, std::span(expected).first(count));
    if (std::memcmp(expected.data(), got.data(), count) != 0) {
      const auto* bad = std::mismatch(got.data(), got.data() + count, expected.data()).first;
      const auto at = static_cast<std::size_t>(bad - got.data());
      const std::uint64_t wrong = offset + at;
      const std::uint64_t block = wrong / block_size;

      // The bytes of that block before this call were right, so the expected ones stand for them.
      Block seen = block_of(packed(id), key_of(block));
      const std::uint64_t block_start = block * block_size;
      const std::uint64_t first = std::max(block_start, offset);
      const auto from = static_cast<std::size_t>(first - offset);
      const auto into = static_cast<std::size_t>(first - block_start);
      const std::size_t held = std::min(block_size - into, got.size() - from);
      const auto seen_bytes = std::as_writable_bytes(std::span(&seen, 1));
      std::memcpy(seen_bytes.data() + into, got.data() + from, held);

      Mismatch mismatch{wrong, expected[at], *bad, std::nullopt};
      if (into + held == block_size) mismatch.owner = owner_of(block, seen_bytes);
      return mismatch;
    }
    got = got.subspan(count);
    offset += count;
  }
  return std::nullopt;
}

std::optional<MessageId> Payload::owner_of(std::uint64_t block,
                                           std::span<const std::byte> bytes) const {
  if (!text_.empty() || size_ < block_size) return std::nullopt;
  Block seen;
  std::memcpy(&seen, bytes.data(), sizeof seen);
  // The block may have slipped from its place: try its neighbours' keys as well, after it (a piece
  // is missing) and before it (one came twice). A slip shifts what follows by whole blocks more
  // often than not.
  const std::uint64_t blocks = size_ / block_size;
  const std::uint64_t tries = std::min<std::uint64_t>(blocks, 128);
  for (std::uint64_t i = 0; i < tries; ++i) {
    const std::uint64_t distance = (i + 1) / 2;
    const std::uint64_t place = (block + (i % 2 == 1 ? distance : blocks - distance)) % blocks;
    const std::uint64_t k = key_of(place);
    const std::uint64_t id = seen.name ^ k;
    if (seen.check == mix(id + k)) {
      return MessageId{static_cast<std::uint32_t>(id >> 32U), static_cast<std::uint32_t>(id)};
    }
  }
  return std::nullopt;
}

}  // namespace echo
