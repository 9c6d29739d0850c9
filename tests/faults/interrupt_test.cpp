// Ctrl-C, once and twice (fault 17): partial results are written, and soon.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "tests/faults/client.hpp"
#include "tests/faults/full_queue.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

/// Time since `since`.
nanoseconds passed(std::chrono::steady_clock::time_point since) {
  return std::chrono::steady_clock::now() - since;
}

struct Signal {
  const char* name;
  int number;
  int code;
};

std::ostream& operator<<(std::ostream& out, const Signal& signal) {
  return out << signal.name;
}

class Interrupted : public ::testing::TestWithParam<Signal> {};

TEST_P(Interrupted, WritesWhatItHasWithinTwoSeconds) {
  std::atomic<int> echoed = 0;
  std::atomic<int> ignored = 0;
  Liar server{[&](Peer& peer) {
    const Bytes message = peer.receive(size);
    if (peer.index % 2 == 1) {
      ++ignored;
      return peer.ignore();
    }
    peer.send(message);
    ++echoed;
    peer.await_fin();
  }};
  Program client = start_client(server.target(), {"-n", "20"});
  ASSERT_TRUE(eventually([&] { return echoed == 10 && ignored == 10; }));
  const auto signalled = std::chrono::steady_clock::now();
  client.signal(GetParam().number);
  const Report report = report_of(client);
  EXPECT_LT(passed(signalled), seconds{2} * slower);
  EXPECT_EQ(report.code, GetParam().code);
  EXPECT_EQ(report.document.at("status").as_string(), "interrupted");
  EXPECT_GE(report.served(), 9U) << "one echo may be in flight";
  EXPECT_EQ(report.failed().count("interrupted"), 1U);
}

INSTANTIATE_TEST_SUITE_P(By, Interrupted,
                         ::testing::Values(Signal{"SIGINT", SIGINT, 130},
                                           Signal{"SIGTERM", SIGTERM, 143}),
                         [](const auto& info) { return info.param.name; });

TEST(InterruptedConnects, AreCountedWithThoseNeverAttempted) {
  const FullQueue server;
  Program client = start_client(server.target(),
                                {"-n", "1000", "--connect-timeout", "1m", "--progress", "always"});
  ASSERT_TRUE(client.prints("connect "));
  const auto signalled = std::chrono::steady_clock::now();
  client.signal(SIGINT);
  const Report report = report_of(client);
  EXPECT_LT(passed(signalled), seconds{2} * slower);
  EXPECT_EQ(report.code, 130);
  EXPECT_EQ(report.failed(), (Buckets{{"interrupted", 1'000}}));
}

TEST(InterruptedTwice, EndsAtOnce) {
  // Without the second signal the drain would wait 1.5 s for FINs, one every 300 ms.
  std::atomic<int> echoed = 0;
  std::atomic<int> half_closed = 0;
  Liar server{[&](Peer& peer) {
    const auto number = peer.index % 10;  // in each of the runs, if one does not do
    if (number == 0) return peer.ignore();
    peer.send(peer.receive(size));
    ++echoed;
    peer.await_fin();
    ++half_closed;
    peer.pause(milliseconds{300 * number});
  }};
  const nanoseconds took = quickest(milliseconds{500}, [&] {
    echoed = half_closed = 0;
    Program client = start_client(server.target(), {"-n", "10", "--progress", "never"});
    EXPECT_TRUE(eventually([&] { return echoed == 9; }));
    client.signal(SIGINT);
    EXPECT_TRUE(eventually([&] { return half_closed == 9; }));
    const auto again = std::chrono::steady_clock::now();
    client.signal(SIGINT);
    const Report report = report_of(client);
    EXPECT_EQ(report.code, 130);
    EXPECT_EQ(report.served() + report.failed()["interrupted"], 10U);
    return passed(again);
  });
  EXPECT_LT(took, milliseconds{500} * slower);
}

}  // namespace
}  // namespace faults
