// The client's own process stopped and continued (SIGSTOP, SIGCONT) in each phase, for longer than
// its timeouts: no healthy connection fails, and the report says whose stall it was.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"
#include "tests/stalls/signals.hpp"

namespace faults {
namespace {

/// The fault itself. The timeouts below are shorter.
constexpr milliseconds stop_for{1'500};

void stop_and_continue(const Program& program) {
  program.signal(SIGSTOP);
  ::poll(nullptr, 0, static_cast<int>(stop_for.count()));
  program.signal(SIGCONT);
}

struct Phase {
  const char* name;
  std::string printed;  ///< by the client's progress, in this phase
  Words arguments;
};

// Bug: 20 healthy connections became `timeout`, without a word about the client's own stall.
TEST(Stopped, InAnyPhaseNoHealthyConnectionFails) {
  Server server;
  // 120 threads of a sanitized server do not all get a processor within the timeout.
#if defined(TESTBED_SANITIZES_ADDRESS) || defined(TESTBED_SANITIZES_THREAD)
  const char* const connections = "8";
  const char* const ramp_rate = "4";
#else
  const char* const connections = "20";
  const char* const ramp_rate = "10";
#endif
  const std::vector<Phase> phases{
      {"ramp", "connect ", {"--connect-rate", ramp_rate}},
      {"warm-up", "echo ", {"--mode", "stream", "--warmup", "3s", "-d", "1s"}},
      {"closed loop", "echo ", {"--mode", "stream", "-d", "4s"}},
      {"open loop", "echo ", {"--mode", "stream", "-d", "4s", "-R", "200"}},
      {"idle", "idle ", {"-d", "4s"}},
      {"churn", "echo ", {"--mode", "churn", "-d", "4s", "--connect-rate", "100"}}};
  std::deque<Program> clients;
  for (const Phase& phase : phases) {
    Words words{"-n", connections,  "--timeout", "1s", "--connect-timeout",
                "1s", "--progress", "always"};
    words.insert(words.end(), phase.arguments.begin(), phase.arguments.end());
    words.insert(words.begin(), {server.target(), "--json", "-"});
    clients.emplace_back("client", words);
  }
  std::vector<Report> reports(phases.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    threads.emplace_back([&, i] {
      EXPECT_TRUE(clients[i].prints(phases[i].printed));
      stop_and_continue(clients[i]);
      reports[i] = report_of(clients[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < phases.size(); ++i) {
    SCOPED_TRACE(phases[i].name);
    EXPECT_EQ(reports[i].code, 0) << reports[i].out << reports[i].err;
    EXPECT_EQ(reports[i].failed(), Buckets{});
  }
  EXPECT_TRUE(reports[2].warns("the client itself did not run for")) << reports[2].out;
  EXPECT_GE(reports[2].count("/cpu/client_away/longest_ns"), 1'000'000'000U);
  EXPECT_TRUE(reports[3].warns("the client itself did not run for")) << reports[3].out;
  EXPECT_TRUE(reports[3].warns("the client sent late")) << reports[3].out;
}

// The echo comes only after SIGCONT: reading what is ready before anything expires is not enough.
TEST(Stopped, TimeAwayDoesNotCountTowardsATimeout) {
  std::atomic<int> received{0};
  std::atomic<bool> answer{false};
  Liar server{[&](Peer& peer) {
    const Bytes message = peer.receive(64);
    ++received;
    while (!answer && peer.pause(milliseconds{5})) {
    }
    peer.send(message);
    peer.await_fin();
  }};
  Program client = start_client(server.target(), {"-n", "5", "--timeout", "1s"});
  ASSERT_TRUE(eventually([&] { return received == 5; }));
  stop_and_continue(client);
  ::poll(nullptr, 0, 100);  // part of the fault: the client runs again before the echo comes
  answer = true;
  const Report report = report_of(client);
  EXPECT_EQ(report.failed(), Buckets{}) << report.out;
  EXPECT_EQ(report.served(), 5U);
}

}  // namespace
}  // namespace faults
