// Stopping: drained or forced, idle or under load, every connection is counted.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <latch>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using echo::Payload;

/// A short time, for a machine that runs sanitizers on two busy cores.
constexpr auto promptly = 5s;

TEST_P(EveryModel, StopsPromptlyWithoutConnections) {
  Harness& server = serve();
  server.drain();
  EXPECT_TRUE(server.ends_within(promptly));
}

TEST_P(EveryModel, StopsWhenTheDrainWasRequestedBeforeItServes) {
  Harness& server = listen();
  server.drain();
  server.serve();
  EXPECT_TRUE(server.ends_within(promptly));
}

TEST_P(EveryModel, EndsIdleConnectionsWhenItDrains) {
  Harness& server = serve();
  std::vector<Peer> peers = connect_served(at_once(20));
  server.drain();
  for (Peer& peer : peers) ASSERT_EQ(peer.end(), End::fin);
  EXPECT_TRUE(server.ends_within(promptly));
  EXPECT_EQ(server.counters().open(), 0U);
  EXPECT_EQ(server.counters().closed(), peers.size());
}

TEST_P(EveryModel, EchoesWhatIsQueuedBeforeItEnds) {
  // More than the small buffers for the replies hold, so that the rest stays unread at the server.
  const Payload payload = Payload::unique(50'000, 2);
  Harness& server = serve(with_small_send_buffers());
  std::vector<Peer> peers = connect_served(at_once(20), Buffers::small);
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    ASSERT_TRUE(peers[i].send(message(payload, {i, 1})));
    ASSERT_TRUE(eventually([&] { return peers[i].unacknowledged() == 0; }))
        << "all bytes have arrived";
  }
  server.drain();
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    ASSERT_TRUE(is_message(payload, {i, 1}, peers[i].receive(payload.size())));
    ASSERT_EQ(peers[i].end(), End::fin);
  }
  EXPECT_TRUE(server.ends_within(promptly));
}

TEST_P(EveryModel, DrainsWhileFiftyPeersStream) {
  Harness& server = serve();
  const std::uint32_t count = at_once(50);
  std::latch all_stream{count};
  std::atomic<int> wrong{0};
  const auto stream = [&](std::uint32_t id) {
    Peer peer = connect();
    const Payload payload = Payload::unique(4096, 3);
    for (std::uint32_t i = 0;; ++i) {
      const bool sent = peer.send(message(payload, {id, i}));
      const auto got = sent ? peer.receive(payload.size()) : std::vector<std::byte>{};
      if (payload.verify({id, i}, 0, got)) ++wrong;
      if (i == 0) all_stream.count_down();
      if (got.size() < payload.size()) return;
    }
  };
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < count; ++i) threads.emplace_back(stream, i);
  all_stream.wait();
  EXPECT_EQ(server.counters().open(), count);
  server.drain();
  EXPECT_TRUE(server.ends_within(promptly)) << "without being forced";
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(server.counters().open(), 0U);
  EXPECT_EQ(server.counters().closed(), count);
}

TEST_P(EveryModel, StopsListeningWhenItDrains) {
  Harness& server = serve(with_small_send_buffers());
  Peer mute = connect(Buffers::small);
  ASSERT_GT(mute.send_until_blocked(1U << 30U), 0U);
  server.drain();
  EXPECT_TRUE(eventually([&] {
    try {
      const Peer late = connect();
      return false;
    } catch (const std::system_error& error) {
      return error.code().value() == ECONNREFUSED;
    }
  }));
  // A late peer that was accepted before the drain has closed; the server sees that a moment later.
  EXPECT_TRUE(open_becomes(1)) << "the server waits for the peer that does not read";
  EXPECT_FALSE(server.ends_within(0ms));
  mute.reset();
  EXPECT_TRUE(server.ends_within(promptly));
  EXPECT_EQ(server.counters().open(), 0U);
}

TEST_P(EveryModel, AForcedStopEndsAPeerThatDelaysTheDrainAndCountsItAsOpen) {
  Harness& server = serve(with_small_send_buffers());
  std::vector<Peer> gone = connect_served(at_once(4));
  const std::size_t served = gone.size();
  gone.clear();
  ASSERT_TRUE(open_becomes(0));
  Peer mute = connect(Buffers::small);
  ASSERT_GT(mute.send_until_blocked(1U << 30U), 0U);
  server.drain();
  server.force();
  EXPECT_TRUE(server.ends_within(promptly));
  EXPECT_EQ(server.counters().open(), 1U);
  EXPECT_EQ(server.counters().closed(), served);
}

TEST_P(EveryModel, AForcedStopWithoutADrainCountsAllConnectionsAsOpen) {
  Harness& server = serve();
  std::vector<Peer> peers = connect_served(at_once(20));
  server.force();
  EXPECT_TRUE(server.ends_within(promptly));
  EXPECT_EQ(server.counters().open(), peers.size());
  EXPECT_EQ(server.counters().accepted(), peers.size());
  for (Peer& peer : peers) ASSERT_NE(peer.end(), End::silence);
}

TEST_P(EveryModel, StopsWhileConnectionsKeepComing) {
  Harness& server = serve();
  std::atomic<bool> ended{false};
  std::thread crowd([&] {
    while (!ended) {
      try {
        Peer peer = connect();
        echoes(peer, payload_, {0, 0});
      } catch (const std::system_error&) {
        // refused: the server no longer listens
      }
    }
  });
  EXPECT_TRUE(eventually([&] { return server.counters().closed() > 20; }));
  server.drain();
  EXPECT_TRUE(server.ends_within(promptly));
  ended = true;
  crowd.join();
  EXPECT_EQ(server.counters().open(), 0U);
}

}  // namespace
}  // namespace conformance
