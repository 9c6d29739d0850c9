// The payload, and the verifier that must report every byte that differs from what was sent.
#include "echo/wire.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace echo {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::uint64_t nonce = 0x5eed;
constexpr MessageId mine{7, 3};
constexpr std::size_t mebibyte = 1U << 20U;

Bytes message(const Payload& payload, MessageId id) {
  Bytes bytes(payload.size());
  payload.fill(id, 0, bytes);
  return bytes;
}

std::span<const std::byte> view(const Bytes& bytes, std::size_t from, std::size_t count) {
  return std::span(bytes).subspan(from, count);
}

std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class PayloadOfSize : public ::testing::TestWithParam<std::size_t> {
 protected:
  const Payload payload_ = Payload::unique(GetParam(), nonce);
  const Bytes sent_ = message(payload_, mine);
  /// Places at and around the edges of blocks, and the ends.
  [[nodiscard]] std::vector<std::size_t> places() const {
    std::vector<std::size_t> chosen;
    for (const std::size_t at : {0U, 1U, 14U, 15U, 16U, 17U, 63U, 255U, 256U, 257U, 1U << 19U}) {
      if (at < sent_.size()) chosen.push_back(at);
    }
    chosen.push_back(sent_.size() - 1);
    return chosen;
  }
};

TEST_P(PayloadOfSize, VerifiesWhatItFilled) {
  EXPECT_EQ(payload_.size(), GetParam());
  EXPECT_FALSE(payload_.verify(mine, 0, sent_));
}

TEST_P(PayloadOfSize, NamesTheOffsetAndBothValuesOfAChangedByte) {
  for (const std::size_t at : places()) {
    Bytes got = sent_;
    got[at] ^= std::byte{0x20};
    const auto mismatch = payload_.verify(mine, 0, got);
    ASSERT_TRUE(mismatch) << at;
    EXPECT_EQ(mismatch->offset, at);
    EXPECT_EQ(mismatch->expected, sent_[at]);
    EXPECT_EQ(mismatch->got, got[at]);
    EXPECT_FALSE(mismatch->owner) << "one changed byte at " << at << " belongs to no other message";
  }
}

TEST_P(PayloadOfSize, NamesTheSameByteWhereverTheReadsWereSplit) {
  for (const std::size_t at : places()) {
    Bytes got = sent_;
    got[at] ^= std::byte{1};
    for (const std::size_t split : places()) {
      const auto first = payload_.verify(mine, 0, view(got, 0, split));
      const auto rest = payload_.verify(mine, split, view(got, split, got.size() - split));
      EXPECT_EQ(first.has_value(), at < split) << at << " split at " << split;
      const auto& found = at < split ? first : rest;
      ASSERT_TRUE(found) << at << " split at " << split;
      EXPECT_EQ(found->offset, at) << "split at " << split;
      EXPECT_EQ(found->got, got[at]) << "split at " << split;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, PayloadOfSize, ::testing::Values(1U, 15U, 16U, 17U, 64U, mebibyte));

TEST(Payload, FillsTheSameBytesWhereverItIsSplit) {
  const Payload payload = Payload::unique(100, nonce);
  const Bytes whole = message(payload, mine);
  for (std::size_t split = 0; split <= whole.size(); ++split) {
    Bytes parts(whole.size());
    payload.fill(mine, 0, std::span(parts).first(split));
    payload.fill(mine, split, std::span(parts).subspan(split));
    ASSERT_EQ(parts, whole) << "split at " << split;
    ASSERT_FALSE(payload.verify(mine, 0, view(whole, 0, split)));
    ASSERT_FALSE(payload.verify(mine, split, view(whole, split, whole.size() - split)));
  }
}

TEST(Payload, DiffersByConnectionMessageAndNonce) {
  const Payload payload = Payload::unique(64, nonce);
  const Bytes bytes = message(payload, mine);
  EXPECT_NE(bytes, message(payload, {8, 3}));
  EXPECT_NE(bytes, message(payload, {7, 4}));
  EXPECT_NE(bytes, message(payload, {3, 7}));
  EXPECT_NE(bytes, message(Payload::unique(64, nonce + 1), mine));
}

TEST(Payload, NoTwoBlocksOfAMessageAreAlike) {
  const Bytes bytes = message(Payload::unique(4096, nonce), mine);
  std::vector<std::string> blocks;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    blocks.emplace_back(reinterpret_cast<const char*>(bytes.data() + at), 16);
  }
  std::sort(blocks.begin(), blocks.end());
  EXPECT_EQ(std::adjacent_find(blocks.begin(), blocks.end()), blocks.end());
}

TEST(Verifier, NamesTheOwnerOfAForeignMessage) {
  for (const std::size_t size : {std::size_t{16}, std::size_t{17}, std::size_t{64}, mebibyte}) {
    const Payload payload = Payload::unique(size, nonce);
    for (const MessageId other :
         {MessageId{8, 3}, MessageId{7, 4}, MessageId{0xffffffff, 0xffffffff}}) {
      const auto mismatch = payload.verify(mine, 0, message(payload, other));
      ASSERT_TRUE(mismatch && mismatch->owner) << size;
      EXPECT_EQ(*mismatch->owner, other) << size;
    }
  }
}

TEST(Verifier, NamesTheOwnerOfOneForeignBlock) {
  const Payload payload = Payload::unique(1024, nonce);
  const MessageId other{9, 1};
  const Bytes foreign = message(payload, other);
  for (std::size_t block = 0; block < 1024; block += 16) {
    Bytes got = message(payload, mine);
    std::copy_n(foreign.begin() + static_cast<std::ptrdiff_t>(block), 16,
                got.begin() + static_cast<std::ptrdiff_t>(block));
    for (const std::size_t from : {std::size_t{0}, block}) {
      const auto mismatch = payload.verify(mine, from, view(got, from, got.size() - from));
      ASSERT_TRUE(mismatch) << block;
      EXPECT_EQ(mismatch->offset / 16, block / 16);
      EXPECT_EQ(mismatch->owner, other) << "block at " << block << " read from " << from;
    }
  }
}

TEST(Verifier, CannotNameAnOwnerBelowSixteenBytes) {
  const Payload payload = Payload::unique(15, nonce);
  const auto mismatch = payload.verify(mine, 0, message(payload, {8, 3}));
  ASSERT_TRUE(mismatch);
  EXPECT_FALSE(mismatch->owner);
}

TEST(Verifier, CannotNameAnOwnerBeforeTheWholeBlockCame) {
  const Payload payload = Payload::unique(64, nonce);
  const auto mismatch = payload.verify(mine, 0, view(message(payload, {8, 3}), 0, 15));
  ASSERT_TRUE(mismatch);
  EXPECT_FALSE(mismatch->owner);
}

TEST(Verifier, RefusesTheBytesOfAnEarlierRunAndNamesNoOwner) {
  const auto mismatch =
      Payload::unique(64, nonce).verify(mine, 0, message(Payload::unique(64, nonce + 1), mine));
  ASSERT_TRUE(mismatch);
  EXPECT_FALSE(mismatch->owner) << "another nonce is no message of this run";
}

TEST(Verifier, TracesAShiftedBlockToItsOwnMessage) {
  for (const std::size_t size : {std::size_t{128}, std::size_t{1024}, mebibyte}) {
    const Payload payload = Payload::unique(size, nonce);
    const Bytes sent = message(payload, mine);
    Bytes lost = sent;  // the third block is missing: all that follows is 16 bytes too early
    lost.erase(lost.begin() + 32, lost.begin() + 48);
    Bytes repeated(sent.begin(), sent.begin() + 32);  // the second block is repeated
    std::copy(sent.begin() + 16, sent.end() - 16, std::back_inserter(repeated));
    for (const Bytes& got : {lost, repeated}) {
      const auto mismatch = payload.verify(mine, 0, got);
      ASSERT_TRUE(mismatch) << size;
      EXPECT_EQ(mismatch->offset / 16, 2U) << size;
      EXPECT_EQ(mismatch->owner, mine) << size << (got.size() < size ? " lost" : " repeated");
    }
  }
}

TEST(TextPayload, IsTheTextOnEveryConnection) {
  const Payload payload = Payload::text("hello, echo");
  EXPECT_EQ(payload.size(), 11U);
  EXPECT_EQ(text_of(message(payload, mine)), "hello, echo");
  EXPECT_EQ(message(payload, mine), message(payload, {1, 1}));
  Bytes part(4);
  payload.fill(mine, 7, part);
  EXPECT_EQ(text_of(part), "echo");
}

TEST(TextPayload, NamesAChangedByteAndNeverAnOwner) {
  const Payload payload = Payload::text(std::string(300, 'x'));
  Bytes got = message(payload, mine);
  got[270] = std::byte{'y'};
  const auto mismatch = payload.verify(mine, 0, got);
  ASSERT_TRUE(mismatch);
  EXPECT_EQ(mismatch->offset, 270U);
  EXPECT_EQ(mismatch->expected, std::byte{'x'});
  EXPECT_EQ(mismatch->got, std::byte{'y'});
  EXPECT_FALSE(mismatch->owner);
}

}  // namespace
}  // namespace echo
