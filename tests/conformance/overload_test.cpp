// Overload: no descriptors left, more connections than allowed, a peer whose buffers are full.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "limits/cpu.hpp"
#include "limits/usage.hpp"
#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using server::Shed;

/// Keeps `count` connections coming for `span`: connects again as soon as one is closed.
void keep_connecting(const echo::Endpoint& where, std::size_t count,
                     std::chrono::milliseconds span) {
  const auto until = Clock::now() + span;
  std::vector<Peer> peers;
  for (std::size_t i = 0; i < count; ++i) peers.emplace_back(where);
  std::vector<pollfd> entries(count);
  for (auto now = Clock::now(); now < until; now = Clock::now()) {
    for (std::size_t i = 0; i < count; ++i) entries[i] = {peers[i].fd(), POLLIN, 0};
    ::poll(entries.data(), count,
           static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count()));
    for (std::size_t i = 0; i < count; ++i) {
      if (entries[i].revents != 0) peers[i] = Peer{where};
    }
  }
}

/// CPU that the child uses while new connections keep coming, as a share of one core: the least of
/// a few samples, because other load and the hypervisor can only add to it. A loop that spins uses
/// all of a core in every sample.
double least_share_of_a_core(const Harness& server) {
  double least = 1;
  for (int sample = 0; sample < 5 && least >= 0.05; ++sample) {
    const auto began = Clock::now();
    const auto cpu_before = limits::cpu_time(server.child());
    keep_connecting(server.where(), 64, 300ms);
    const auto cpu_after = limits::cpu_time(server.child());
    if (!cpu_before || !cpu_after) return 1;
    const std::chrono::duration<double> elapsed = Clock::now() - began;
    least = std::min(least, std::chrono::duration<double>(*cpu_after - *cpu_before) / elapsed);
  }
  return least;
}

/// Connects peers until one is refused; returns those that are served.
std::vector<Peer> fill(const echo::Endpoint& where, const echo::Payload& payload) {
  std::vector<Peer> served;
  for (std::uint32_t i = 0;; ++i) {
    Peer peer{where};
    if (!echoes(peer, payload, {i, 0})) return served;
    served.push_back(std::move(peer));
  }
}

/// The thread sanitizer uses several bytes of shadow memory per byte that a program touches.
#ifdef TESTBED_SANITIZES_THREAD
constexpr bool shadowed = true;
#else
constexpr bool shadowed = false;
#endif

/// As a share of a core. Instrumented code costs several times as much (0.051 and 0.053 were
/// measured under the sanitizers); a loop that spins uses the whole core in each case.
#if defined(TESTBED_SANITIZES_THREAD) || defined(TESTBED_SANITIZES_ADDRESS)
constexpr double little_cpu = 0.25;
#else
constexpr double little_cpu = 0.05;
#endif

/// Enough for a dozen connections or more, beside the descriptors that a model itself needs.
constexpr std::uint64_t open_files = 48;

TEST_P(EveryModel, ClosesAndCountsConnectionsWithoutADescriptor) {
  Harness& server = listen();
  if (!server.takes_descriptors()) GTEST_SKIP() << "its descriptors do not grow with connections";
  server.serve_in_child(open_files);
  const std::vector<Peer> served = fill(server.where(), payload_);
  ASSERT_GT(served.size(), 8U);
  ASSERT_LT(served.size(), open_files);
  std::vector<Peer> extra;
  for (int i = 0; i < 100; ++i) extra.push_back(connect());
  for (Peer& each : extra) ASSERT_NE(each.end(), End::silence);
  // A peer may see its end before the server has counted it.
  EXPECT_TRUE(eventually([&] { return server.counters().shed_count(Shed::descriptors) == 101U; }));
  EXPECT_EQ(server.counters().open(), served.size());
  EXPECT_EQ(server.counters().accepted(), served.size()) << "what was shed is not accepted";
}

TEST_P(EveryModel, ServesAndUsesLittleCpuWhileNoDescriptorIsLeft) {
  Harness& server = listen();
  if (!server.takes_descriptors()) GTEST_SKIP() << "its descriptors do not grow with connections";
  server.serve_in_child(open_files);
  std::vector<Peer> served = fill(server.where(), payload_);
  ASSERT_GT(served.size(), 8U);

  if (!server.spins()) {
    EXPECT_LT(least_share_of_a_core(server), little_cpu) << "while the listener is readable";
  }
  for (std::uint32_t i = 0; i < served.size(); ++i)
    EXPECT_TRUE(echoes(served[i], payload_, {i, 1}));
}

TEST_P(EveryModel, AcceptsAgainWhenDescriptorsAreFree) {
  Harness& server = listen();
  if (!server.takes_descriptors()) GTEST_SKIP() << "its descriptors do not grow with connections";
  server.serve_in_child(open_files);
  std::vector<Peer> served = fill(server.where(), payload_);
  const std::size_t room = served.size();
  ASSERT_GT(room, 8U);
  served.clear();
  EXPECT_TRUE(open_becomes(0));
  EXPECT_TRUE(eventually([&] {
    Peer peer = connect();
    return static_cast<bool>(echoes(peer, payload_, {0, 0}));
  }));
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(fill(server.where(), payload_).size(), room) << "no descriptor was lost";
}

TEST_P(EveryModel, ShedsAndCountsConnectionsBeyondMaxConnections) {
  server::ServerOptions options = loopback();
  options.max_connections = 3;
  Harness& server = serve(options);
  if (at_once(4) < 4) GTEST_SKIP() << "further connections stay in the kernel's queue";
  std::vector<Peer> served = connect_served(3);
  for (int i = 0; i < 10; ++i) ASSERT_NE(connect().end(), End::silence);
  EXPECT_EQ(server.counters().shed_count(Shed::max_connections), 10U);
  EXPECT_EQ(server.counters().accepted(), 3U);
  EXPECT_EQ(server.counters().max_open(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_TRUE(echoes(served[i], payload_, {i, 1}));

  served.pop_back();
  EXPECT_TRUE(open_becomes(2));
  EXPECT_TRUE(eventually([&] {
    Peer peer = connect();
    return static_cast<bool>(echoes(peer, payload_, {3, 0}));
  })) << "a connection that ended makes room for another";
  EXPECT_EQ(server.counters().max_open(), 3U);
}

TEST_P(EveryModel, PushesBackOnAPeerThatNeverReads) {
  constexpr std::uint64_t far_more_than_all_buffers = 256U << 20U;
  Harness& server = serve();
  if (at_once(2) < 2) GTEST_SKIP() << "serves one at a time";
  std::vector<Peer> reading = connect_served(1);
  const auto before = limits::read_usage({::getpid()}, limits::Detail::quick).rss;
  Peer mute = connect(Buffers::small);
  const std::uint64_t taken = mute.send_until_blocked(far_more_than_all_buffers);
  const auto after = limits::read_usage({::getpid()}, limits::Detail::quick).rss;
  EXPECT_LT(taken, far_more_than_all_buffers)
      << "unread replies must not be buffered without bound";
  ASSERT_TRUE(before && after);
  if (!shadowed) {
    EXPECT_LT(*after, *before + (8U << 20U)) << "memory stays flat";
  }
  EXPECT_TRUE(echoes(reading.front(), payload_, {0, 1})) << "other connections are not affected";

  server.drain();
  mute.reset();
  EXPECT_TRUE(server.ends_within(patience));
}

}  // namespace
}  // namespace conformance
