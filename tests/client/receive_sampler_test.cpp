// Receive lateness: how long received bytes had lain in the socket, with a clock that may be set.
#include "client/connection/receive_sampler.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/client/tcp_pair.hpp"

namespace client {
namespace {

using fixtures::TcpPair;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A reading at `at` of the monotonic clock, with the wall clock `offset` before it.
ClockReading reading(Nanoseconds at, Nanoseconds offset, Nanoseconds took = Nanoseconds{50}) {
  return {at, at + took / 2 + offset, at + took};
}

TEST(WallClock, ThatRunsBesideTheOtherWasNotSet) {
  WallClock clock{reading(seconds{1}, seconds{100})};
  for (const seconds at : {seconds{1}, seconds{2}, seconds{90'000}})
    EXPECT_FALSE(clock.was_set(reading(at, seconds{100}))) << at.count();
}

TEST(WallClock, ThatWasSetIsNoticedOnce) {
  for (const Nanoseconds by : {Nanoseconds{seconds{1}}, Nanoseconds{-seconds{1}},
                               Nanoseconds{milliseconds{1}}, Nanoseconds{-3'000}}) {
    WallClock clock{reading(seconds{1}, seconds{100})};
    EXPECT_TRUE(clock.was_set(reading(seconds{2}, seconds{100} + by))) << by.count();
    EXPECT_FALSE(clock.was_set(reading(seconds{3}, seconds{100} + by))) << by.count();
  }
}

TEST(WallClock, AThreadThatIsHeldUpBetweenTheReadingsSetsNoClock) {
  WallClock clock{reading(seconds{1}, seconds{100}, milliseconds{400})};
  EXPECT_FALSE(clock.was_set(reading(seconds{2}, seconds{100})));
  EXPECT_FALSE(clock.was_set(reading(seconds{3}, seconds{100}, seconds{2})));
  EXPECT_TRUE(clock.was_set(reading(seconds{9}, seconds{100} + milliseconds{1})))
      << "the narrowest bounds of all readings count";
}

class ReceiveSamplerTest : public ::testing::Test {
 protected:
  ReceiveSamplerTest() {
    sampler_.begin(1, [this](Nanoseconds late) { lateness_.push_back(late); });
    connection_.fd = pair_.ours.get();
    sampler_.established(0, connection_);
  }
  /// Sends a byte and receives it after `wait`, sampled.
  void exchange(Nanoseconds wait = {}) {
    const std::byte sent{42};
    ASSERT_EQ(::send(pair_.theirs.get(), &sent, 1, MSG_NOSIGNAL), 1);
    pair_.await_readable();
    const auto arrived = now();
    while (now() - arrived < wait) ::poll(nullptr, 0, 1);
    std::array<std::byte, 16> room{};
    ASSERT_EQ(sampler_.receive(connection_.fd, room), 1);
    EXPECT_EQ(room[0], sent);
  }
  /// The kernel switches the stamps on a moment after the first socket has the option.
  void await_stamps() {
    const auto give_up = now() + seconds{20};
    while (lateness_.empty() && now() < give_up) exchange();
    if (lateness_.empty()) GTEST_SKIP() << "the kernel gives no stamps (SO_TIMESTAMPNS)";
  }

  TcpPair pair_;
  PacketTimestamps timestamps_{true};
  ReceiveSampler sampler_;
  Connection connection_;
  std::vector<Nanoseconds> lateness_;
};

TEST_F(ReceiveSamplerTest, MeasuresHowLongBytesLayInTheSocket) {
  await_stamps();
  if (IsSkipped()) return;
  lateness_.clear();
  exchange(milliseconds{60});
  ASSERT_EQ(lateness_.size(), 1U);
  EXPECT_GE(lateness_[0], milliseconds{60});
  EXPECT_LT(lateness_[0], seconds{30});
}

TEST_F(ReceiveSamplerTest, OfSegmentsReadTogetherTheLastOneCounts) {
  await_stamps();
  if (IsSkipped()) return;
  lateness_.clear();
  const std::byte first{1};
  ASSERT_EQ(::send(pair_.theirs.get(), &first, 1, MSG_NOSIGNAL), 1);
  pair_.await_readable();
  const auto arrived = now();
  while (now() - arrived < milliseconds{200}) ::poll(nullptr, 0, 1);
  const auto before_second = now();
  ASSERT_EQ(::send(pair_.theirs.get(), &first, 1, MSG_NOSIGNAL), 1);
  std::array<std::byte, 1> room{};
  std::array<std::byte, 2> both{};
  while (::recv(connection_.fd, both.data(), 2, MSG_PEEK) < 2) ::poll(nullptr, 0, 1);
  ASSERT_EQ(sampler_.receive(connection_.fd, both), 2);
  ASSERT_EQ(lateness_.size(), 1U);
  EXPECT_LE(lateness_[0], now() - before_second);
  EXPECT_LT(sampler_.receive(connection_.fd, room), 0) << "nothing more has arrived";
  EXPECT_EQ(lateness_.size(), 1U) << "a read without bytes has no lateness";
}

TEST(ReceiveSampler, StampsOneConnectionIn16AndReadsOneIn64) {
  ReceiveSampler sampler;
  TcpPair pair;
  Connection idle;
  idle.fd = pair.ours.get();
  sampler.established(0, idle);
  EXPECT_FALSE(idle.stamped) << "it has not begun";
  EXPECT_FALSE(sampler.due(idle));

  constexpr std::uint32_t count = 160;
  sampler.begin(count, [](Nanoseconds) {});
  std::vector<Connection> connections(count);
  std::uint32_t stamped = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    connections[i].fd = pair.ours.get();
    sampler.established(i, connections[i]);
    stamped += connections[i].stamped ? 1 : 0;
  }
  EXPECT_EQ(stamped, count / 16);
  std::uint64_t sampled = 0;
  constexpr std::uint64_t rounds = 400;
  std::array<std::byte, 16> room{};
  std::vector<bool> seen(count);
  const std::byte byte{1};
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::uint32_t i = 0; i < count; ++i) {
      if (!sampler.due(connections[i])) continue;
      ASSERT_EQ(::send(pair.theirs.get(), &byte, 1, MSG_NOSIGNAL), 1);
      pair.await_readable();
      ASSERT_EQ(sampler.receive(connections[i].fd, room), 1);
      ++sampled;
      seen[i] = true;
    }
  }
  EXPECT_NEAR(static_cast<double>(sampled), rounds * count / 64.0, rounds * count / 64.0 * 0.1);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), count / 16)
      << "connections that are served in turns are all sampled";
}

}  // namespace
}  // namespace client
