// Lies on one connection while the load goes on, in a stream and in churn (faults 5 to 11). Each
// comes on the fourth connection, with its second message, and is found there and nowhere else.
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

constexpr std::uint64_t liars_index = 3;

struct Lie {
  const char* name;
  void (*script)(Peer&);
  const char* bucket;
};

const Lie lies[] = {
    {"ChangedByte",
     [](Peer& peer) {
       Bytes bytes = peer.receive(size);
       if (!bytes.empty()) bytes.back() ^= std::byte{1};
       peer.send(bytes);
       peer.await_fin();
     },
     "mismatch"},
    {"ExtraByte",
     [](Peer& peer) {
       Bytes bytes = peer.receive(size);
       bytes.push_back(std::byte{'x'});
       peer.send(bytes);
       peer.await_fin();
     },
     "extra"},
    {"ShortEchoAndFin",
     [](Peer& peer) {
       const Bytes bytes = peer.receive(size);
       peer.send(std::span(bytes).first(std::min<std::size_t>(bytes.size(), 10)));
     },
     "short"},
    {"FinWithoutAnEcho", [](Peer& peer) { peer.receive(size); }, "closed_early"},
    {"Rst",
     [](Peer& peer) {
       peer.receive(size);
       peer.reset();
     },
     "reset"},
};

struct Mode {
  const char* name;
  Words arguments;
};

const Mode modes[] = {
    {"Stream", {"--mode", "stream", "-n", "5", "-d", "100ms"}},
    {"StreamAtARate", {"--mode", "stream", "-n", "5", "-d", "100ms", "-R", "500"}},
    {"Churn", {"--mode", "churn", "-n", "5", "-m", "2", "-d", "500ms", "--connect-rate", "300"}},
    {"OfTwoThreads", {"--mode", "stream", "-n", "5", "-d", "100ms", "-t", "2"}},
};

std::ostream& operator<<(std::ostream& out, const Lie& lie) {
  return out << lie.name;
}
std::ostream& operator<<(std::ostream& out, const Mode& mode) {
  return out << mode.name;
}

class LiesInModes : public ::testing::TestWithParam<std::tuple<Mode, Lie>> {};

TEST_P(LiesInModes, AreFoundOnTheConnectionThatCarriedThem) {
  const auto& [mode, lie] = GetParam();
  Liar server{[&lie = lie](Peer& peer) {
    if (peer.index != liars_index) return honest(peer);
    peer.send(peer.receive(size));
    lie.script(peer);
  }};
  const Report report = run_client(server.target(), mode.arguments);
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{lie.bucket, 1}}));
  EXPECT_GE(report.served(), 4U) << "the other connections went on";
  // In churn a connection that is open at the end is served with the echo that it has.
  const std::uint64_t each = std::string_view(mode.name) == "Churn" ? 1 : 2;
  EXPECT_GE(report.count("/echoes/verified"), each * report.served() + 1)
      << "the good echo before the lie stays counted";
}

INSTANTIATE_TEST_SUITE_P(In, LiesInModes,
                         ::testing::Combine(::testing::ValuesIn(modes), ::testing::ValuesIn(lies)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "Of" +
                                  std::get<1>(info.param).name;
                         });

// With several messages in flight the bytes behind a lie belong to another message: a changed byte
// is still reported as such, and an added byte shifts all that follow.
TEST(LiesAtDepth, AreFoundToo) {
  for (const Lie& lie : {lies[0], lies[1]}) {
    Liar server{[&lie](Peer& peer) {
      if (peer.index != liars_index) return honest(peer);
      peer.send(peer.receive(size));
      lie.script(peer);
    }};
    const Report report =
        run_client(server.target(), {"--mode", "stream", "-n", "5", "-d", "100ms", "--depth", "8"});
    EXPECT_EQ(report.code, 1) << lie.name;
    EXPECT_EQ(report.served(), 4U) << lie.name;
    const std::string bucket = report.failed().begin()->first;
    EXPECT_TRUE(bucket == lie.bucket || bucket == "mismatch") << lie.name << ": " << bucket;
  }
}

TEST(OneByteAtATime, IsPutTogetherAgainInEveryMode) {
  Liar server{[](Peer& peer) {
    for (Bytes bytes = peer.receive_some(); !bytes.empty(); bytes = peer.receive_some()) {
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (!peer.send(std::span(bytes).subspan(i, 1))) return;
      }
    }
  }};
  for (const Mode& mode : modes) {
    Words arguments = mode.arguments;
    arguments.insert(arguments.end(), {"--size", "1-100"});
    const Report report = run_client(server.target(), arguments);
    EXPECT_EQ(report.code, 0) << mode.name;
  }
}

}  // namespace
}  // namespace faults
