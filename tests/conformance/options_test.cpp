// The options with the same meaning for every model: idle timeout, simulated work, buffer size.
#include <chrono>
#include <cstdint>
#include <vector>

#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

server::ServerOptions with_idle_timeout(std::chrono::nanoseconds timeout) {
  server::ServerOptions options = loopback();
  options.socket.idle_timeout = timeout;
  return options;
}

server::ServerOptions with_work(const char* work) {
  server::ServerOptions options = loopback();
  options.work = server::Work::parse(work);
  return options;
}

TEST_P(EveryModel, ClosesASilentPeerAfterTheIdleTimeoutAndNotBefore) {
  constexpr auto timeout = 200ms;
  Harness& server = serve(with_idle_timeout(timeout));
  Peer peer = connect();
  const auto began = Clock::now();
  ASSERT_TRUE(echoes(peer, payload_, {0, 0}));
  EXPECT_EQ(peer.end(), End::fin);
  EXPECT_GE(Clock::now() - began, timeout);
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().timed_out_count(), 1U);
  EXPECT_EQ(server.counters().closed(), 1U);
}

TEST_P(EveryModel, ClosesAPeerThatNeverSentAByteAfterTheIdleTimeout) {
  serve(with_idle_timeout(100ms));
  Peer peer = connect();
  EXPECT_EQ(peer.end(), End::fin);
  EXPECT_TRUE(open_becomes(0));
}

TEST_P(EveryModel, ClosesAPeerThatDoesNotReadAfterTheIdleTimeout) {
  server::ServerOptions options = with_idle_timeout(200ms);
  options.socket.buffers.send = 1;
  Harness& server = serve(options);
  Peer mute = connect(Buffers::small);
  mute.send_until_blocked(64U << 20U);
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().timed_out_count(), 1U);
}

TEST_P(EveryModel, KeepsAPeerThatSendsWithinTheIdleTimeout) {
  constexpr auto timeout = 2s;  // far longer than an echo takes, even on a busy machine
  Harness& server = serve(with_idle_timeout(timeout));
  Peer peer = connect();
  std::uint32_t sent = 0;
  for (const auto until = Clock::now() + 300ms; Clock::now() < until; ++sent) {
    ASSERT_TRUE(echoes(peer, payload_, {0, sent}));
  }
  EXPECT_EQ(server.counters().timed_out_count(), 0U);
  EXPECT_EQ(server.counters().open(), 1U);
}

TEST_P(EveryModel, SleepsBeforeEachReplyWithSleepAsWork) {
  constexpr auto pause = 30ms;
  serve(with_work("sleep:30ms"));
  Peer peer = connect();
  for (std::uint32_t i = 0; i < 3; ++i) {
    const auto began = Clock::now();
    ASSERT_TRUE(echoes(peer, payload_, {0, i}));
    EXPECT_GE(Clock::now() - began, pause);
  }
}

TEST_P(EveryModel, DoesNotCountItsOwnSleepAsIdleTimeOfThePeer) {
  server::ServerOptions options = with_work("sleep:400ms");
  options.socket.idle_timeout = 100ms;
  serve(options);
  Peer peer = connect();
  EXPECT_TRUE(echoes(peer, payload_, {0, 0}));
}

TEST_P(EveryModel, DrainsAfterItHasSleptAndReplied) {
  Harness& server = serve(with_work("sleep:100ms"));
  Peer peer = connect();
  ASSERT_TRUE(peer.send(message(payload_, {0, 0})));
  EXPECT_TRUE(eventually([&] { return peer.unacknowledged() == 0; }));
  EXPECT_TRUE(open_becomes(1));
  server.drain();
  EXPECT_TRUE(is_message(payload_, {0, 0}, peer.receive(payload_.size())));
  EXPECT_EQ(peer.end(), End::fin);
}

TEST_P(EveryModel, ComputesForEachMessageWithCpuAsWork) {
  Harness& server = serve(with_work("cpu:20ms"));
  Peer peer = connect();
  const auto cpu = [&] {
    std::chrono::nanoseconds sum{0};
    for (unsigned i = 0; i < server.counters().workers(); ++i) {
      sum += server.counters().cpu_time(i).value_or(0ns);
    }
    return sum;
  };
  const auto before = cpu();
  for (std::uint32_t i = 0; i < 5; ++i) ASSERT_TRUE(echoes(peer, payload_, {0, i}));
  peer.close();
  ASSERT_TRUE(open_becomes(0));
  // The steps were calibrated when the processor was free; half of the time is clearly above zero.
  EXPECT_TRUE(eventually([&] { return cpu() - before >= 50ms; }));
}

TEST_P(EveryModel, ReadsThroughABufferOfAnySize) {
  for (const std::uint64_t size : {1U, 7U, 16384U}) {
    server::ServerOptions options = loopback();
    options.buffer_size = size;
    serve(options);
    {
      Peer peer = connect();
      EXPECT_TRUE(echoes(peer, echo::Payload::unique(5000, 1), {0, 0})) << size;
    }
    EXPECT_TRUE(open_becomes(0));
    ASSERT_TRUE(server().stop());
  }
}

}  // namespace
}  // namespace conformance
