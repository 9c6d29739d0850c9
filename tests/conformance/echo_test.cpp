// Every byte received is sent back, in any pieces and any amount.
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using echo::MessageId;
using echo::Payload;

TEST_P(EveryModel, EchoesMessagesOfManySizes) {
  serve();
  Peer peer = connect();
  for (const std::size_t size : {1U, 2U, 64U, 1023U, 1024U, 1025U, 5000U}) {
    EXPECT_TRUE(echoes(peer, Payload::unique(size, 1), {0, 0})) << size;
  }
}

TEST_P(EveryModel, EchoesSingleBytesInOrder) {
  serve();
  Peer peer = connect();
  const auto sent = message(payload_, {0, 0});
  for (const std::byte& byte : sent) ASSERT_TRUE(peer.send({&byte, 1}));
  EXPECT_TRUE(is_message(payload_, {0, 0}, peer.receive(sent.size())));
  for (std::size_t at = 0; at < sent.size(); ++at) {  // one round trip per byte
    ASSERT_TRUE(peer.send({&sent[at], 1}));
    const auto back = peer.receive(1);
    ASSERT_EQ(back.size(), 1U);
    ASSERT_EQ(back.front(), sent[at]) << at;
  }
}

TEST_P(EveryModel, EchoesWhatIsReadInSmallPieces) {
  serve();
  Peer peer = connect(Buffers::small);
  const Payload payload = Payload::unique(100'000, 1);
  const auto sent = message(payload, {0, 0});
  std::thread writer([&] { EXPECT_TRUE(peer.send(sent)); });
  std::uint64_t offset = 0;
  for (std::size_t piece = 1; offset < sent.size(); piece = piece % 977 + 1) {
    const auto got = peer.receive(std::min(piece, sent.size() - offset));
    if (got.empty() || payload.verify({0, 0}, offset, got)) break;
    offset += got.size();
  }
  EXPECT_EQ(offset, sent.size());
  ::shutdown(peer.fd(), SHUT_RDWR);  // unblocks the writer when the echo ended early
  writer.join();
}

TEST_P(EveryModel, EchoesSixteenMebibytesByteForByte) {
  constexpr std::size_t size = 16U << 20U;
  constexpr std::size_t piece = 256U << 10U;
  Harness& server = serve();
  Peer peer = connect();
  const Payload payload = Payload::unique(size, 1);
  std::atomic<bool> sent{true};
  std::thread writer([&] {
    std::vector<std::byte> bytes(piece);
    for (std::uint64_t offset = 0; offset < size && sent; offset += piece) {
      payload.fill({0, 0}, offset, bytes);
      sent = peer.send(bytes);
    }
  });
  std::uint64_t offset = 0;
  while (offset < size) {
    const auto got = peer.receive(piece);
    if (got.empty()) break;
    const auto mismatch = payload.verify({0, 0}, offset, got);
    EXPECT_FALSE(mismatch) << "byte " << mismatch->offset;
    if (mismatch) break;
    offset += got.size();
  }
  ::shutdown(peer.fd(), SHUT_RDWR);  // unblocks the writer when the echo ended early
  writer.join();
  EXPECT_TRUE(sent);
  EXPECT_EQ(offset, size);
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().bytes(), size);
}

TEST_P(EveryModel, EchoesTheRestAfterAHalfCloseAndThenEnds) {
  serve();
  for (const std::size_t size : {1U, 64U, 100'000U, 1U << 20U}) {
    Peer peer = connect();
    const Payload payload = Payload::unique(size, size);
    std::thread writer([&] {
      EXPECT_TRUE(peer.send(message(payload, {0, 0})));
      peer.half_close();
    });
    EXPECT_TRUE(is_message(payload, {0, 0}, peer.receive(size)));
    writer.join();
    EXPECT_EQ(peer.end(), End::fin) << size;
  }
}

TEST_P(EveryModel, AnswersAHalfCloseWithoutAByteWithTheEnd) {
  serve();
  Peer peer = connect();
  peer.half_close();
  EXPECT_EQ(peer.end(), End::fin);
  EXPECT_TRUE(open_becomes(0));
}

TEST_P(EveryModel, ServesTwoHundredPeersAtOnceAndMixesNoBytes) {
  Harness& server = serve();
  const std::uint32_t count = at_once(200);
  std::vector<Peer> peers = connect_served(count);
  EXPECT_EQ(server.counters().open(), count);
  for (std::uint32_t i = 0; i < count; ++i) ASSERT_TRUE(peers[i].send(message(payload_, {i, 1})));
  for (std::uint32_t i = count; i-- > 0;) {
    EXPECT_TRUE(is_message(payload_, {i, 1}, peers[i].receive(payload_.size())));
  }
  peers.clear();
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().max_open(), count);
  EXPECT_EQ(server.counters().closed(), count);
  EXPECT_EQ(server.counters().bytes(), 2 * count * payload_.size());
}

TEST_P(EveryModel, CountsReadsThatBroughtBytesAsMessages) {
  Harness& server = serve();
  Peer peer = connect();
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(echoes(peer, payload_, {0, i}));
  peer.close();
  ASSERT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().messages(), 10U);
}

}  // namespace
}  // namespace conformance
