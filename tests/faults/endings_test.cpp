// Peers that end a connection too early, or by RST (faults 6, 11, 12).
#include <gtest/gtest.h>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

struct Ending {
  const char* name;
  void (*end)(Peer&);
  Buckets failed;  ///< by cause and phase
};

std::ostream& operator<<(std::ostream& out, const Ending& ending) {
  return out << ending.name;
}

void echo_first(Peer& peer, std::size_t bytes) {
  const Bytes message = peer.receive(size);
  peer.send(std::span(message).first(std::min(bytes, message.size())));
}

const Ending endings[] = {
    {"FinBeforeAnyByte", [](Peer& peer) { echo_first(peer, 0); }, {{"closed_early echo", 3}}},
    {"FinAfterOneByte", [](Peer& peer) { echo_first(peer, 1); }, {{"short echo", 3}}},
    {"FinBeforeTheLastByte", [](Peer& peer) { echo_first(peer, size - 1); }, {{"short echo", 3}}},
    {"RstBeforeAnyByte",
     [](Peer& peer) {
       echo_first(peer, 0);
       peer.reset();
     },
     {{"reset echo", 3}}},
    {"RstWithinTheEcho",
     [](Peer& peer) {
       echo_first(peer, 10);
       peer.reset();
     },
     {{"reset echo", 3}}},
    {"FinRightBehindTheEcho", [](Peer& peer) { echo_first(peer, size); }, {}},
    {"FinNeverComes",
     [](Peer& peer) {
       echo_first(peer, size);
       peer.ignore();
     },
     {}},
};

class Endings : public ::testing::TestWithParam<Ending> {};

TEST_P(Endings, AreNamed) {
  Liar server{GetParam().end};
  const Report report = run_client(server.target(), {"-n", "3"});
  EXPECT_EQ(report.code, GetParam().failed.empty() ? 0 : 1);
  EXPECT_EQ(report.failed_by_phase(), GetParam().failed);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Endings, ::testing::ValuesIn(endings),
                         [](const auto& info) { return info.param.name; });

TEST(Endings, OfOneConnectionLeaveTheOthersAlone) {
  Liar server{[](Peer& peer) { peer.index == 5 ? echo_first(peer, 7) : honest(peer); }};
  const Report report = run_client(server.target(), {"-n", "10", "-m", "5"});
  EXPECT_EQ(report.served(), 9U);
  EXPECT_EQ(report.failed(), (Buckets{{"short", 1}}));
}

TEST(Endings, BetweenTwoMessagesAreTooEarly) {
  Liar server{[](Peer& peer) { echo_first(peer, size); }};
  const Report report = run_client(server.target(), {"-n", "3", "-m", "2"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.count("/echoes/verified"), 3U) << "their good echoes stay counted";
  EXPECT_EQ(report.served(), 0U);
}

TEST(Endings, WhileTheConnectionsStandAreTooEarly) {
  Liar server{[](Peer& peer) {
    echo_first(peer, size);
    peer.pause(milliseconds{200});
  }};
  const Report report = run_client(server.target(), {"-n", "3", "-d", "1h"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed_by_phase(), (Buckets{{"closed_early idle", 3}}));
}

TEST(Reset, OfAConnectionJustEstablishedIsNoRefusal) {
  Liar server{[](Peer& peer) { peer.index == 0 ? peer.reset() : honest(peer); }};
  const Report report = run_client(server.target(), {"-n", "4"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"reset", 1}}));
  EXPECT_EQ(report.served(), 3U);
}

TEST(Reset, BehindTheWholeEchoIsServedWithAWarning) {
  Liar server{[](Peer& peer) {
    echo_first(peer, size);
    peer.reset();
  }};
  const Report report = run_client(server.target(), {"-n", "3"});
  EXPECT_EQ(report.code, 0);
  EXPECT_EQ(report.served(), 3U);
  EXPECT_TRUE(report.warns("late_reset: 3 ")) << report.out;
}

TEST(Reset, InAnswerToTheClientsFinIsServedWithAWarning) {
  Liar server{[](Peer& peer) {
    honest(peer);
    peer.reset();
  }};
  const Report report = run_client(server.target(), {"-n", "3"});
  EXPECT_EQ(report.code, 0);
  EXPECT_TRUE(report.warns("late_reset: 3 ")) << report.out;
}

}  // namespace
}  // namespace faults
