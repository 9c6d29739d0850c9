// Retransmissions of the run's own connections, made by a peer whose socket drops what it receives.
#include "client/measure/retransmissions.hpp"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <netinet/tcp.h>

#include <vector>

#include "client/schedule/plan.hpp"
#include "tests/client/tcp_pair.hpp"

namespace client {
namespace {

using fixtures::TcpPair;
using std::chrono::seconds;

/// Drops every packet that reaches `fd`, before TCP sees it (socket(7), SO_ATTACH_FILTER).
void drop_all(int fd) {
  sock_filter nothing[] = {{BPF_RET | BPF_K, 0, 0, 0}};
  const sock_fprog program{1, nothing};
  ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), 0);
}

/// Sends a byte that is lost, and waits until the kernel has sent it again.
void lose_a_segment(const TcpPair& pair) {
  drop_all(pair.theirs.get());
  const std::uint64_t before = segments_sent_again(pair.ours.get()).value();
  ASSERT_EQ(::send(pair.ours.get(), "x", 1, MSG_NOSIGNAL), 1);
  const auto give_up = now() + seconds{20};
  while (segments_sent_again(pair.ours.get()).value() == before && now() < give_up)
    ::poll(nullptr, 0, 1);
  ASSERT_GT(segments_sent_again(pair.ours.get()).value(), before);
}

/// Lets packets through again, and waits until nothing is on its way.
void recover(const TcpPair& pair) {
  const int unused = 0;
  ASSERT_EQ(::setsockopt(pair.theirs.get(), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused),
            0);
  tcp_info info{};
  const auto give_up = now() + seconds{20};
  do {
    ::poll(nullptr, 0, 1);
    socklen_t length = sizeof info;
    ASSERT_EQ(::getsockopt(pair.ours.get(), IPPROTO_TCP, TCP_INFO, &info, &length), 0);
  } while (info.tcpi_unacked > 0 && now() < give_up);
  ASSERT_EQ(info.tcpi_unacked, 0U);
}

class RetransmissionsTest : public ::testing::Test {
 protected:
  RetransmissionsTest() {
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      connections_[i].fd = pairs_[i].ours.get();
      connections_[i].number = static_cast<std::uint32_t>(i);
      connections_[i].state = State::standing;
    }
  }

  std::vector<TcpPair> pairs_{3};
  std::vector<Connection> connections_{3};
  RetransmissionCounter counter_{1, 1};
};

TEST_F(RetransmissionsTest, OfTheTrafficAreCountedAndEarlierOnesAreNot) {
  lose_a_segment(pairs_[0]);
  recover(pairs_[0]);
  counter_.begin(connections_);
  EXPECT_EQ(counter_.end(connections_).segments, 0U);
  counter_.begin(connections_);
  lose_a_segment(pairs_[1]);
  const Retransmissions again = counter_.end(connections_);
  EXPECT_GE(again.segments, 1U);
  EXPECT_EQ(again.connections, 3U);
  counter_.begin(connections_);
  connections_.resize(1);
  connections_[0].state = State::ended;
  EXPECT_EQ(counter_.end(connections_).connections, 0U);
}

TEST_F(RetransmissionsTest, OfAConnectionThatEndsInTheTrafficAreCountedAtItsEnd) {
  counter_.closing(connections_[0]);
  EXPECT_EQ(counter_.end(connections_).connections, 0U) << "no traffic has begun";
  counter_.begin(connections_);
  lose_a_segment(pairs_[2]);
  counter_.closing(connections_[2]);
  connections_[2].state = State::ended;
  connections_[2].fd = -1;
  const Retransmissions again = counter_.end(connections_);
  EXPECT_GE(again.segments, 1U);
  EXPECT_EQ(again.connections, 3U);
  counter_.closing(connections_[1]);
  EXPECT_EQ(counter_.end(connections_).connections, 0U) << "the traffic has ended";
}

TEST_F(RetransmissionsTest, AreThoseOfTheConnectionsThatWereLookedAt) {
  RetransmissionCounter every_second{2, 1};
  every_second.begin(connections_);
  lose_a_segment(pairs_[1]);
  const Retransmissions again = every_second.end(connections_);
  EXPECT_EQ(again.segments, 0U) << "of connection 1, which is not looked at";
  EXPECT_EQ(again.connections, 2U);
}

// Bug: churn, which uses some places of a loop more often than others, looked at none or at a
// third of its connections.
TEST_F(RetransmissionsTest, AreLookedAtByTheNumberOfAConnectionWhereverItsPlaceIs) {
  RetransmissionCounter every_fourth{4, 3};  // of a loop of three: numbers 2, 5, 8, ...
  every_fourth.begin({});
  std::uint64_t closed = 0;
  for (std::uint32_t number = 2; number < 2 + 3 * 40; number += 3, ++closed) {
    connections_[1].number = number;
    every_fourth.closing(connections_[1]);
  }
  EXPECT_EQ(every_fourth.end({}).connections, closed / 4);
}

TEST(Retransmissions, OfWhatIsNoConnectionAreUnknown) {
  EXPECT_EQ(segments_sent_again(-1), std::nullopt);
}

}  // namespace
}  // namespace client
