// Models with several loops: how connections are assigned to loops, and what their counters show.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/eventually.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/conformance/harness.hpp"
#include "tests/conformance/peer.hpp"

namespace conformance {
namespace {

std::vector<std::uint64_t> open_by_worker(const server::Counters& counters) {
  std::vector<std::uint64_t> open;
  for (unsigned i = 0; i < counters.workers(); ++i) {
    open.push_back(counters.worker(i).accepted - counters.worker(i).closed);
  }
  return open;
}

/// Connections arrive one after another, and every second one leaves as soon as it has been served,
/// like health checks and crawlers among clients that stay.
std::vector<std::uint64_t> open_after_short_and_long_ones(const char* dispatch) {
  constexpr std::uint32_t pairs = 20;
  const echo::Payload payload = echo::Payload::unique(64, 1);
  Harness server{model_named("hand-off"), loopback(), {"--dispatch", dispatch, "--workers", "2"}};
  server.serve();
  std::vector<Peer> staying;
  for (std::uint32_t i = 0; i < pairs; ++i) {
    staying.emplace_back(server.where());
    EXPECT_TRUE(echoes(staying.back(), payload, {i, 0}));
    Peer leaving{server.where()};
    EXPECT_TRUE(echoes(leaving, payload, {i, 1}));
    leaving.close();
    EXPECT_TRUE(eventually([&] { return server.counters().open() == i + 1; }));
  }
  return open_by_worker(server.counters());
}

TEST(HandOff, RoundRobinAssignsEqualNumbersWhicheverConnectionsStay) {
  const auto open = open_after_short_and_long_ones("round-robin");
  EXPECT_EQ(*std::max_element(open.begin(), open.end()), 20U)
      << "one loop has all connections that stay";
  EXPECT_EQ(*std::min_element(open.begin(), open.end()), 0U);
}

TEST(HandOff, LeastAssignsEvenlyToTheLeastLoadedLoop) {
  const auto open = open_after_short_and_long_ones("least");
  EXPECT_EQ(open, (std::vector<std::uint64_t>{10, 10}));
}

TEST(HandOff, CountsWhatEachLoopDid) {
  const echo::Payload payload = echo::Payload::unique(64, 1);
  Harness server{model_named("hand-off"), loopback(), {"--workers", "2"}};
  server.serve();
  std::vector<Peer> peers;
  for (std::uint32_t i = 0; i < 10; ++i) {
    peers.emplace_back(server.where());
    for (std::uint32_t message = 0; message <= i % 2; ++message) {
      ASSERT_TRUE(echoes(peers.back(), payload, {i, message}));
    }
  }
  EXPECT_TRUE(eventually([&] { return server.counters().messages() == 15; }));
  const server::Counters& counters = server.counters();
  EXPECT_EQ(counters.worker(0).accepted, 5U);
  EXPECT_EQ(counters.worker(1).accepted, 5U);
  EXPECT_EQ(counters.worker(0).messages, 5U);
  EXPECT_EQ(counters.worker(1).messages, 10U) << "twice the load, visible in its counters";
  for (unsigned i = 0; i < 2; ++i) {
    const auto cpu = counters.cpu_time(i);
    ASSERT_TRUE(cpu);
    EXPECT_GT(cpu->count(), 0) << "of its own thread";
  }
}

TEST(ReactorPerCore, HasAListenerForEachLoopAndServesOnAll) {
  constexpr std::uint32_t count = 64;  // by a hash: one of two gets none once in 2^63 runs
  const echo::Payload payload = echo::Payload::unique(64, 1);
  Harness server{model_named("reactor-per-core"), loopback(), {"--workers", "2"}};
  server.serve();
  std::vector<Peer> peers;
  for (std::uint32_t i = 0; i < count; ++i) {
    peers.emplace_back(server.where());
    ASSERT_TRUE(echoes(peers.back(), payload, {i, 0}));
  }
  const auto open = open_by_worker(server.counters());
  EXPECT_EQ(open[0] + open[1], count);
  EXPECT_GT(open[0], 0U);
  EXPECT_GT(open[1], 0U);
}

}  // namespace
}  // namespace conformance
