// Draining connections whose peer reads late, and what is counted as echoed when it cannot be sent.
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;

/// A sanitized program may pause for long beside others.
#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
constexpr int slower = 2;
#else
constexpr int slower = 1;
#endif

constexpr std::uint64_t far_more_than_all_buffers = 256U << 20U;

/// Large enough for a send queue that is not empty when the peer has been read to its end.
server::ServerOptions with_small_enough_buffers() {
  server::ServerOptions options = loopback();
  options.socket.buffers.send = 256U << 10U;
  options.socket.buffers.receive = 64U << 10U;
  return options;
}

std::uint64_t read_to_the_end(Peer& peer) {
  constexpr std::size_t piece = 65536;
  std::uint64_t all = 0;
  for (std::size_t got = piece; got == piece; all += got) got = peer.receive(piece).size();
  return all;
}

// Bug: after the drain had shut it down for reading, a connection whose peer had not read yet was
// closed as soon as nothing was left to read. The peer's next bytes were answered with RST: it got
// 0.18 MB where 4 MB counted as echoed, and the server had ended with 0 connections open.
TEST_P(EveryModel, WaitsInADrainForAPeerThatReadsLate) {
  Harness& server = serve(with_small_enough_buffers());
  Peer late = connect(Buffers::small);
  const std::uint64_t sent = late.send_until_blocked(far_more_than_all_buffers);
  ASSERT_LT(sent, far_more_than_all_buffers);
  server.drain();
  EXPECT_FALSE(server.ends_within(300ms)) << "the echoes are still in its send queue";
  EXPECT_EQ(server.counters().open(), 1U);
  const std::uint64_t got = read_to_the_end(late);
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().open(), 0U);
  EXPECT_EQ(got, server.counters().bytes()) << "what counts as echoed has arrived";
}

// Bug: what the kernel had taken from the server counted as echoed when the stop was forced.
TEST_P(EveryModel, CountsNoBytesThatAForcedStopHasKeptFromBeingSent) {
  Harness& server = serve(with_small_enough_buffers());
  Peer mute = connect(Buffers::small);
  ASSERT_LT(mute.send_until_blocked(far_more_than_all_buffers), far_more_than_all_buffers);
  server.drain();
  server.force();
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().open(), 1U);
  constexpr std::uint64_t in_flight = 64U << 10U;
  EXPECT_LE(server.counters().bytes(), read_to_the_end(mute) + in_flight);
}

/// Fits into the server's send queue, and not into the receive buffer of a peer with small ones.
constexpr std::size_t unread_bytes = 128U << 10U;

/// Sends to a server with_small_enough_buffers() until all is read and the echoes are not.
/// `before`: what the server has echoed to others.
::testing::AssertionResult leaves_its_echoes_unread(Peer& peer, const server::Counters& counters,
                                                    std::uint64_t before = 0) {
  if (!peer.send(std::vector<std::byte>(unread_bytes))) {
    return ::testing::AssertionFailure() << "could not send";
  }
  if (eventually([&] { return counters.bytes() == before + unread_bytes; })) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << counters.bytes() << " bytes are in the send queue";
}

TEST_P(EveryModel, TimesOutInADrainAPeerThatReadsNothing) {
  server::ServerOptions options = with_small_enough_buffers();
  options.socket.idle_timeout = 500ms * slower;
  Harness& server = serve(options);
  Peer mute = connect(Buffers::small);
  ASSERT_TRUE(leaves_its_echoes_unread(mute, server.counters()));
  server.drain();
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().open(), 0U);
  EXPECT_EQ(server.counters().timed_out_count(), 1U);
  EXPECT_LT(server.counters().bytes(), unread_bytes) << "not all could be sent";
}

// The idle clock of an event loop sees no byte that the kernel sends. Bug: io-uring closed as idle
// those late readers whose wait ended in the pass of an idle scan; with several there is always
// one.
TEST_P(EveryModel, DoesNotTimeOutInADrainPeersThatReadSlowly) {
  server::ServerOptions options = with_small_enough_buffers();
  options.socket.idle_timeout = 1s * slower;
  Harness& server = serve(options);
  std::vector<Peer> peers;
  for (std::uint32_t i = 0; i < at_once(16); ++i) {
    peers.push_back(connect(Buffers::small));
    ASSERT_TRUE(leaves_its_echoes_unread(peers.back(), server.counters(), i * unread_bytes));
  }
  server.drain();
  constexpr std::size_t pieces = 16;
  const int pause_ms = 100 * slower / static_cast<int>(peers.size());  // each reads at its own time
  for (std::size_t i = 0; i < pieces; ++i) {
    for (Peer& slow : peers) {
      ::poll(nullptr, 0, pause_ms);
      ASSERT_EQ(slow.receive(unread_bytes / pieces).size(), unread_bytes / pieces);
    }
  }
  for (Peer& slow : peers) EXPECT_EQ(slow.end(), End::fin);
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().timed_out_count(), 0U);
  EXPECT_EQ(server.counters().bytes(), peers.size() * unread_bytes);
}

TEST_P(EveryModel, DrainsAPeerThatHasHalfClosedAndReadsLate) {
  Harness& server = serve();
  Peer late = std::move(connect_served(1).front());
  const echo::Payload payload = echo::Payload::unique(1U << 20U, 1);
  ASSERT_TRUE(late.send(message(payload, {0, 0})));
  late.half_close();
  ASSERT_TRUE(eventually([&] { return late.unacknowledged() == 0; })) << "all bytes have arrived";
  server.drain();
  EXPECT_TRUE(is_message(payload, {0, 0}, late.receive(payload.size())));
  EXPECT_EQ(late.end(), End::fin);
  EXPECT_TRUE(server.ends_within(patience));
}

// Bug: connections that were accepted and had no thread or process yet were closed by a drain, and
// counted nowhere.
TEST_P(EveryModel, EchoesInADrainOnConnectionsThatWaitForTheirThreadOrProcess) {
  Harness& server = listen();
  const std::string_view name = GetParam()->name;
  if (name != "thread-per-connection" && name != "fork-per-connection")
    GTEST_SKIP() << "starts no thread or process for a connection";
  std::vector<Peer> peers;
  for (std::uint32_t i = 0; i < 200; ++i) {
    peers.push_back(connect());
    ASSERT_TRUE(peers.back().send(message(payload_, {i, 0})));
  }
  server.serve();
  // All are accepted at once, and started one by one.
  ASSERT_TRUE(is_message(payload_, {0, 0}, peers[0].receive(payload_.size())));
  server.drain();
  for (std::uint32_t i = 1; i < peers.size(); ++i) {
    ASSERT_TRUE(is_message(payload_, {i, 0}, peers[i].receive(payload_.size())));
    ASSERT_EQ(peers[i].end(), End::fin);
  }
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().accepted(), peers.size());
}

}  // namespace
}  // namespace conformance
