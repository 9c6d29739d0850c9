#include "echo/wire.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "echo/splitmix64.hpp"

namespace echo {
namespace {

constexpr std::uint64_t key(std::uint64_t nonce, std::uint64_t block) {
  return splitmix64(nonce + (block + 1) * splitmix64_increment);
}

/// Number of stored keys: those of the first 4 KiB of each message. Others are computed.
constexpr std::size_t most_keys = 256;

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

void Payload::fill_any(MessageId id, std::uint64_t offset, std::span<std::byte> out) const {
  if (!text_.empty()) {
    std::memcpy(out.data(), text_.data() + offset, out.size());
    return;
  }
  while (!out.empty()) {
    const Block block = block_of(id, key_of(offset / block_size));
    const std::size_t from = offset % block_size;
    const std::size_t count = std::min(block_size - from, out.size());
    std::memcpy(out.data(), std::as_bytes(std::span(&block, 1)).data() + from, count);
    out = out.subspan(count);
    offset += count;
  }
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

      // Earlier calls verified the block's earlier bytes, so the expected ones replace them.
      Block seen = block_of(id, key_of(block));
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
  // The block may have moved from its place. Its neighbours' keys are tried as well: those after it
  // (a piece is missing) and those before it (a piece came twice). A shift usually moves what
  // follows by whole blocks.
  const std::uint64_t blocks = size_ / block_size;
  const std::uint64_t tries = std::min<std::uint64_t>(blocks, 128);
  for (std::uint64_t i = 0; i < tries; ++i) {
    const std::uint64_t distance = (i + 1) / 2;
    const std::uint64_t place = (block + (i % 2 == 1 ? distance : blocks - distance)) % blocks;
    const std::uint64_t k = key_of(place);
    const std::uint64_t name = seen.name ^ k;
    const MessageId id{static_cast<std::uint32_t>(name >> 32U), static_cast<std::uint32_t>(name)};
    if (seen.check == block_of(id, k).check) return id;
  }
  return std::nullopt;
}

}  // namespace echo
