// Peers that leave without notice: before they are accepted, between messages and during one.
#include <cstdint>
#include <vector>

#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

TEST_P(EveryModel, ReleasesAConnectionWhosePeerResetsIt) {
  Harness& server = serve();
  if (at_once(3) < 3) GTEST_SKIP() << "serves fewer than three at once";
  std::vector<Peer> peers = connect_served(3);
  peers[1].reset();
  EXPECT_TRUE(open_becomes(2));
  EXPECT_TRUE(echoes(peers[0], payload_, {0, 1}));
  EXPECT_TRUE(echoes(peers[2], payload_, {2, 1}));
  peers[0].reset();
  peers[2].reset();
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().closed(), 3U);
}

TEST_P(EveryModel, ReleasesAConnectionThatIsResetWhileItWrites) {
  serve();
  Peer peer = connect(Buffers::small);
  ASSERT_GT(peer.send_until_blocked(1U << 30U), 0U);
  peer.reset();
  EXPECT_TRUE(open_becomes(0));
}

TEST_P(EveryModel, SurvivesPeersThatAreGoneBeforeTheyAreAccepted) {
  Harness& server = listen();
  for (int i = 0; i < 20; ++i) connect().reset();
  for (int i = 0; i < 20; ++i) connect().close();
  server.serve();
  Peer peer = connect();
  EXPECT_TRUE(echoes(peer, payload_, {0, 0}));
  EXPECT_TRUE(open_becomes(1));
}

TEST_P(EveryModel, EchoesToAPeerThatSentAndHalfClosedBeforeItWasAccepted) {
  Harness& server = listen();
  Peer peer = connect();
  ASSERT_TRUE(peer.send(message(payload_, {0, 0})));
  peer.half_close();
  server.serve();
  EXPECT_TRUE(is_message(payload_, {0, 0}, peer.receive(payload_.size())));
  EXPECT_EQ(peer.end(), End::fin);
}

TEST_P(EveryModel, KeepsNothingOfAThousandPeersThatHaveLeft) {
  Harness& server = serve();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    Peer peer = connect();
    ASSERT_TRUE(echoes(peer, payload_, {i, 0}));
    if (i % 2 == 0) peer.reset();
  }
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().accepted(), 1000U);
}

}  // namespace
}  // namespace conformance
