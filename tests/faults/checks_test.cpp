// The checks of a run: a server that pauses, one whose answers take longer and longer, and one
// without a fault.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t message = 64;

/// Echoes, but nothing for `time` after the first `count` messages of each connection.
Script pausing(int count, nanoseconds time) {
  return [count, time](Peer& peer) {
    for (int i = 0; i < count; ++i) {
      if (!peer.send(peer.receive(message))) return;
    }
    if (peer.pause(time)) honest(peer);
  };
}

/// Four connections, 1,000 messages/s in all for 0.6 s.
const Words steady{"-n", "4", "--mode", "stream", "-R", "1000", "-d", "600ms"};

bool holds(const Report& report, const std::string& check) {
  return report.document.at_pointer("/checks/" + check + "/holds").as_bool();
}

// Each connection is stuck with one message from 0.2 s on. What is due then is never sent.
TEST(Checks, TheRateIsNotHeldOnAServerThatPausesUntilTheEnd) {
  Liar server{pausing(50, milliseconds{600})};
  const Report report = run_client(server.target(), steady);
  EXPECT_EQ(report.code, 0);
  EXPECT_FALSE(holds(report, "send_rate"));
  EXPECT_GE(report.count("/checks/send_rate/unsent"), 200U);
  EXPECT_TRUE(report.warns("messages/s of 1000 asked"));
}

// All are sent in the end, 200 of them together when the pause is over.
TEST(Checks, TheGapsAreNotTheAskedOnesAfterAPause) {
  Liar server{pausing(25, milliseconds{200})};
  Report report = run_client(server.target(), steady);
  // A client that finds no processor just before the end leaves messages unsent, and says so.
  for (int again = 0; again < 2 && !holds(report, "send_rate"); ++again)
    report = run_client(server.target(), steady);
  EXPECT_EQ(report.code, 0);
  EXPECT_TRUE(holds(report, "send_rate")) << "the pause was made up for";
  EXPECT_FALSE(holds(report, "send_gaps"));
  EXPECT_TRUE(report.warns("the gaps between sends are not the asked ones"));
}

// From 2 ms to 20 ms within the second.
TEST(Checks, ALatencyThatGrowsIsToldAsADrift) {
  const Clock::time_point begun = Clock::now();
  Liar server{[begun](Peer& peer) {
    for (Bytes bytes = peer.receive(message); !bytes.empty(); bytes = peer.receive(message)) {
      const double passed = std::chrono::duration<double>(Clock::now() - begun).count();
      const auto time = std::chrono::duration<double>(0.002 * std::pow(10, std::min(passed, 2.0)));
      if (!peer.pause(std::chrono::duration_cast<nanoseconds>(time)) || !peer.send(bytes)) return;
    }
  }};
  const Report report =
      run_client(server.target(), {"-n", "40", "--mode", "stream", "-R", "1000", "-d", "1"});
  EXPECT_EQ(report.code, 0);
  EXPECT_FALSE(holds(report, "stationarity"));
  EXPECT_TRUE(report.warns("the latency drifted in the measured window by "));
}

// The series needs no schedule; the other checks do.
TEST(Checks, AClosedLoopHasOnlyThatOfStationarity) {
  Server server;
  const Report report = run_client(server.target(), {"-n", "4", "--mode", "stream", "-d", "300ms"});
  EXPECT_TRUE(report.document.at_pointer("/checks/send_rate").is_null());
  EXPECT_TRUE(report.document.at_pointer("/checks/send_gaps").is_null());
  EXPECT_TRUE(report.document.at_pointer("/checks/independence").is_null());
  EXPECT_GE(report.count("/checks/stationarity/points"), 50U);
}

// A busy machine may disturb one run, and not each of five.
TEST(Checks, NothingIsToldOfAHealthyRun) {
  for (const char* arrivals : {"uniform", "poisson"}) {
    SCOPED_TRACE(arrivals);
    bool quiet = false;
    for (int tries = 0; tries < 5 && !quiet; ++tries) {
      Server server;
      const Report report = run_client(server.target(), {"-n", "4", "--mode", "stream", "-R", "500",
                                                         "-d", "0.6", "--arrivals", arrivals});
      EXPECT_EQ(report.code, 0);
      quiet = holds(report, "send_rate") && holds(report, "send_gaps") && !report.warns("asked") &&
              !report.warns("gaps") && !report.warns("drifted");
    }
    EXPECT_TRUE(quiet);
  }
}

}  // namespace
}  // namespace faults
