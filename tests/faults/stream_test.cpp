// A stream whose server stalls, stops or is killed (faults 4, 13, 14, 17), and one that takes too
// long.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

nanoseconds since(std::chrono::steady_clock::time_point then) {
  return std::chrono::steady_clock::now() - then;
}

TEST(Stream, ReportsAKilledServerAtOnce) {
  Server server;
  Program client = start_client(
      server.target(), {"--mode", "stream", "-n", "50", "-d", "1h", "--progress", "always"});
  ASSERT_TRUE(client.prints("echo "));
  const auto killed = std::chrono::steady_clock::now();
  server.program().signal(SIGKILL);
  const Report report = report_of(client);
  EXPECT_LT(since(killed), seconds{5});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"server_lost", 50}}));
  EXPECT_GT(report.count("/echoes/verified"), 50U) << "their good echoes stay counted";
}

TEST(Stream, AtARateOnAStoppedServerEndsWithItsTimeouts) {
  Server server;
  server.program().signal(SIGSTOP);
  const Report report = run_client(server.target(), {"--mode", "stream", "-n", "10", "-R", "1000",
                                                     "-d", "1h", "--timeout", "300ms"});
  server.program().signal(SIGCONT);
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.count("/connections/established"), 10U)
      << "the kernel completes the handshakes for it";
  EXPECT_EQ(report.served(), 0U);
  EXPECT_EQ(report.failed_by_phase(), (Buckets{{"timeout echo", 10}}));
  EXPECT_EQ(report.count("/echoes/sent"), 10U) << "one per connection: there is no place for more";
  EXPECT_GE(report.count("/echoes/unsent"), 200U) << "the run ends when no connection is left";
  EXPECT_EQ(report.count("/latency/censored"),
            report.count("/echoes/sent") + report.count("/echoes/unsent"));
}

TEST(Stream, OnAStoppedServerIsLeftAfterOneSignal) {
  Server server;
  Program client = start_client(server.target(), {"--mode", "stream", "-n", "10", "-R", "1000",
                                                  "-d", "1h", "--progress", "always"});
  ASSERT_TRUE(client.prints("echo "));
  server.program().signal(SIGSTOP);
  const auto signalled = std::chrono::steady_clock::now();
  client.signal(SIGINT);
  const Report report = report_of(client);
  server.program().signal(SIGCONT);
  EXPECT_LT(since(signalled), seconds{2} * slower);
  EXPECT_EQ(report.code, 130);
  EXPECT_EQ(report.document.at("status").as_string(), "interrupted");
  EXPECT_GT(report.count("/echoes/verified"), 10U) << "partial results are written";
}

// Without the second signal the drain would wait half a second for FINs that never come.
TEST(Stream, OnAStoppedServerIsLeftAtOnceAfterTwo) {
  std::atomic<int> echoed = 0;
  Liar server{[&echoed](Peer& peer) {
    peer.send(peer.receive(size));
    ++echoed;
    peer.ignore();
  }};
  const nanoseconds took = quickest(milliseconds{400}, [&] {
    echoed = 0;
    Program client = start_client(server.target(), {"--mode", "stream", "-n", "10", "-R", "10",
                                                    "-d", "1h", "--progress", "never"});
    EXPECT_TRUE(eventually([&] { return echoed == 10; }));
    const auto signalled = std::chrono::steady_clock::now();
    client.signal(SIGINT);
    client.signal(SIGTERM);  // a second SIGINT could merge with the first while it is pending
    const Report report = report_of(client);
    EXPECT_TRUE(report.code == 130 || report.code == 143) << report.code;
    return since(signalled);
  });
  EXPECT_LT(took, milliseconds{400} * slower);
}

TEST(Stream, ADribbleThatDefeatsASocketsTimeoutIsATimeout) {
  Liar server{[](Peer& peer) {
    if (peer.index != 1) return honest(peer);
    const Bytes bytes = peer.receive(size);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (!peer.pause(milliseconds{50}) || !peer.send(std::span(bytes).subspan(i, 1))) return;
    }
  }};
  const Report report = run_client(
      server.target(), {"--mode", "stream", "-n", "3", "-d", "600ms", "--timeout", "300ms"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"timeout", 1}}));
  EXPECT_EQ(report.served(), 2U);
}

TEST(Stream, IsEndedByTheDeadline) {
  constexpr milliseconds deadline{slower > 1 ? 4'000 : 400};  // sanitized code takes long to start
  const std::string within = std::to_string(deadline.count()) + "ms";
  Liar server{honest};
  for (const char* mode : {"stream", "churn"}) {
    const nanoseconds took = quickest(deadline + seconds{1} * slower, [&] {
      const Report report = run_client(
          server.target(),
          {"--mode", mode, "-n", "5", "-d", "1h", "--connect-rate", "200", "--deadline", within});
      EXPECT_EQ(report.code, 5) << mode;
      EXPECT_GT(report.count("/echoes/verified"), 5U) << mode << ": partial results are written";
      return report.took;
    });
    EXPECT_GE(took, deadline) << mode;
    EXPECT_LT(took, deadline + seconds{1} * slower) << mode;
  }
}

TEST(Stream, BelowOneMessageEachVerifiesEachAtTheRamp) {
  Liar server{honest};
  const Report report =
      run_client(server.target(), {"--mode", "stream", "-n", "20", "-R", "10", "-d", "300ms"});
  EXPECT_EQ(report.code, 0);
  EXPECT_EQ(report.count("/phases/ramp/echo/count"), 20U);
  EXPECT_EQ(report.count("/phases/measured/sent"), 3U);
  EXPECT_EQ(report.served(), 20U);
}

TEST(Stream, ChargesTheServerForItsStall) {
  // No reply for 300 ms while a message is due every 5 ms: 60 messages wait, and the report shows
  // it.
  Liar server{[](Peer& peer) {
    peer.send(peer.receive(size));
    if (peer.pause(milliseconds{300})) honest(peer);
  }};
  const Report report =
      run_client(server.target(), {"--mode", "stream", "-n", "1", "-R", "200", "-d", "500ms"});
  EXPECT_EQ(report.code, 0);
  EXPECT_EQ(report.count("/phases/measured/sent") + report.count("/echoes/unsent"), 100U);
  EXPECT_GE(report.count("/echoes/late"), 50U);
  EXPECT_GE(report.count("/latency/echo/percentiles/50"), 40'000'000U);
}

}  // namespace
}  // namespace faults
