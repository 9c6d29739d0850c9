// Every phase of a client's run, interrupted by SIGINT, SIGTERM and SIGHUP, once and twice: it ends
// in time, with its code, one valid document and counts that add up. All cases of a phase run at
// the same time.
#include <gtest/gtest.h>

#include <sys/mount.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <memory>
#include <thread>
#include <vector>

#include "tests/faults/client.hpp"
#include "tests/faults/full_queue.hpp"
#include "tests/faults/liar.hpp"
#include "tests/faults/own_namespace.hpp"
#include "tests/stalls/signals.hpp"

namespace faults {
namespace {

using Reached = std::function<bool(const Program&)>;

Reached prints(const std::string& text) {
  return [text](const Program& client) { return client.errors().find(text) != std::string::npos; };
}

/// So many echoes on all connections together that each of them has had some, also on a busy
/// machine.
Reached echoes(std::uint64_t least) {
  return [least](const Program& client) {
    const std::string lines = client.errors();
    const std::string key = "echoes ";
    const std::size_t last = lines.rfind(key);
    if (last == std::string::npos) return false;
    std::string digits;
    for (std::size_t i = last + key.size(); i < lines.size() && lines[i] != ' '; ++i)
      if (lines[i] != ',') digits += lines[i];
    return !digits.empty() && std::stoull(digits) >= least;
  };
}

/// Runs one client for each way to stop it, against its target. When `reached` holds, all of them
/// are signalled. Returns their reports.
std::vector<Report> interrupted(const std::vector<std::string>& targets, const Words& arguments,
                                const Reached& reached) {
  const std::vector<Stopping> ways = ways_to_stop();
  std::deque<Program> clients;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    Words words{targets[i], "--json", "-"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    clients.emplace_back("client", words);
  }
  std::vector<Report> reports(ways.size());
  std::vector<nanoseconds> took(ways.size());
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  for (std::size_t i = 0; i < ways.size(); ++i) {
    threads.emplace_back([&, i] {
      if (eventually([&] { return reached(clients[i]); })) ++ready;
      send(clients[i], ways[i]);
      const auto signalled = std::chrono::steady_clock::now();
      const nanoseconds away = time_away();
      reports[i] = report_of(clients[i]);
      took[i] = std::chrono::steady_clock::now() - signalled - (time_away() - away);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ready, static_cast<int>(ways.size())) << "all were in the phase";
  for (std::size_t i = 0; i < ways.size(); ++i) {
    SCOPED_TRACE(name_of(ways[i]));
    EXPECT_EQ(reports[i].code, 128 + ways[i].number) << reports[i].err;
    EXPECT_LT(took[i], longest_end(ways[i]));
    const auto* status = reports[i].document.as_object().if_contains("status");
    EXPECT_TRUE(status != nullptr && *status == "interrupted") << reports[i].out;
  }
  return reports;
}

std::vector<Report> interrupted(const std::string& target, const Words& arguments,
                                const Reached& reached) {
  return interrupted(std::vector<std::string>(ways_to_stop().size(), target), arguments, reached);
}

Words with_progress(Words words) {
  words.insert(words.end(), {"--progress", "always"});
  return words;
}

// Bug: the name was looked up before signals were handled, and for as long as the name server
// liked.
TEST(Interrupted, WhileANameServerDoesNotAnswer) {
  const std::string refusal = in_own_namespace(CLONE_NEWNS, [] {
    if (::unshare(CLONE_NEWNET) != 0) return;
    bring_loopback_up();
    const echo::Descriptor mute{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(53);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(mute.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
    const std::string file = ::testing::TempDir() + "stall-resolv-" + std::to_string(::getpid());
    std::ofstream(file) << "nameserver 127.0.0.1\n";
    if (::mount(file.c_str(), "/etc/resolv.conf", nullptr, MS_BIND, nullptr) != 0) {
      ::unlink(file.c_str());
      return;
    }
    const auto asks = [&mute](const Program& client) {
      pollfd entry{mute.get(), POLLIN, 0};
      return watches_signals(client.pid()) && ::poll(&entry, 1, 0) == 1;
    };
    for (const Report& report : interrupted("stalled.test:1234", {"-n", "20"}, asks))
      EXPECT_EQ(report.failed(), (Buckets{{"interrupted", 20}}));
    // Not by a signal but by the deadline.
    Program client = start_client("stalled.test:1234", {"-n", "20", "--deadline", "500ms"});
    const Report report = report_of(client);
    EXPECT_EQ(report.code, 5);
    EXPECT_LT(report.took, milliseconds{1'500} * slower);
    EXPECT_EQ(report.failed(), (Buckets{{"deadline", 20}}));
    // A server that looks its --bind up has nothing to drain yet.
    Program server{"echo_async", {"--bind", "stalled.test", "--port", "0"}};
    ASSERT_TRUE(eventually([&] { return watches_signals(server.pid()); }));
    const auto signalled = std::chrono::steady_clock::now();
    server.signal(SIGTERM);
    EXPECT_EQ(server.end().code, 143);
    EXPECT_LT(std::chrono::steady_clock::now() - signalled, seconds{1} * slower);
    ::umount("/etc/resolv.conf");
    ::unlink(file.c_str());
  });
  if (!refusal.empty()) GTEST_SKIP() << refusal;
}

TEST(Interrupted, WhileItWaitsForItsStart) {
  const auto waits = [](const Program& client) { return watches_signals(client.pid()); };
  const auto in_an_hour =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()) + 3'600;
  const Words start{"-n", "20", "--start-at", "@" + std::to_string(in_an_hour)};
  for (const Report& report : interrupted("127.0.0.1:1", start, waits))
    EXPECT_EQ(report.failed(), (Buckets{{"interrupted", 20}}));
}

TEST(Interrupted, WhileConnectsAreNotAnswered) {
  const FullQueue server;
  for (const Report& report :
       interrupted(server.target(), with_progress({"-n", "200", "--connect-timeout", "1m"}),
                   prints("connect ")))
    EXPECT_EQ(report.failed(), (Buckets{{"interrupted", 200}}));
}

TEST(Interrupted, InAPacedRamp) {
  Server server;
  interrupted(server.target(), with_progress({"-n", "1000", "--connect-rate", "50"}),
              prints("connect "));
}

// Bug: in a closed loop every connection had an echo in flight, and none counted as served.
TEST(Interrupted, InAStreamServesWhatIsInFlight) {
  Server server;
  const Words stream{"-n", "20", "--mode", "stream", "-d", "1m"};
  for (const Report& report : interrupted(server.target(), with_progress(stream), echoes(400)))
    EXPECT_EQ(report.served(), 20U) << report.out;
}

TEST(Interrupted, InAWarmUpServesWhatIsInFlight) {
  Server server;
  const Words warm_up{"-n", "20", "--mode", "stream", "--warmup", "1m", "--depth", "4"};
  for (const Report& report : interrupted(server.target(), with_progress(warm_up), echoes(400)))
    EXPECT_EQ(report.served(), 20U) << report.out;
}

TEST(Interrupted, InAnOpenLoopCountsWhatWasDueUntilThen) {
  Server server;
  const Words open{"-n", "20", "--mode", "stream", "-R", "500", "-d", "1m"};
  for (const Report& report : interrupted(server.target(), with_progress(open), echoes(400))) {
    EXPECT_EQ(report.served(), 20U) << report.out;
    const std::uint64_t due = 500 * report.count("/phases/measured/ns") / 1'000'000'000;
    const std::uint64_t counted = report.count("/echoes/sent") + report.count("/echoes/unsent");
    EXPECT_NEAR(static_cast<double>(counted), static_cast<double>(due), 25) << report.out;
  }
}

// With a number of messages the plan is not complete; what was echoed stays counted.
TEST(Interrupted, BeforeAGoalIsInterruptedWithItsEchoes) {
  Server server;
  const Words goal{"-n", "20", "-m", "100M", "--timeout", "1m"};
  for (const Report& report : interrupted(server.target(), with_progress(goal), prints("echo "))) {
    EXPECT_EQ(report.failed(), (Buckets{{"interrupted", 20}}));
    EXPECT_GT(report.count("/echoes/verified"), 20U);
  }
}

TEST(Interrupted, InABurstThatIsNotAnswered) {
  Liar server{[](Peer& peer) { peer.ignore(); }};
  for (const Report& report : interrupted(
           server.target(), with_progress({"-n", "20", "--timeout", "1m"}), prints("echo ")))
    EXPECT_EQ(report.failed(), (Buckets{{"interrupted", 20}}));
}

TEST(Interrupted, WhileIdle) {
  Server server;
  for (const Report& report :
       interrupted(server.target(), with_progress({"-n", "20", "-d", "1m"}), prints("idle ")))
    EXPECT_EQ(report.served(), 20U);
}

TEST(Interrupted, InADrainThatIsNotAnswered) {
  // A FIN every 300 ms keeps the drain going: it ends after half a second without any.
  std::deque<Liar> servers;
  std::vector<std::string> targets;
  for (std::size_t i = 0; i < ways_to_stop().size(); ++i) {
    servers.emplace_back([](Peer& peer) {
      peer.send(peer.receive(64));
      peer.await_fin();
      peer.pause(milliseconds{300} * peer.index);
    });
    targets.push_back(servers.back().target());
  }
  for (const Report& report : interrupted(targets, with_progress({"-n", "20"}), prints("drain ")))
    EXPECT_EQ(report.served(), 20U);
}

TEST(Interrupted, WhileItSettles) {
  Server server;
  interrupted(server.target(), with_progress({"-n", "50", "--repeat", "10000"}),
              prints("settling: "));
}

TEST(Interrupted, WhileItFindsARate) {
  Server server;
  for (const Report& report :
       interrupted(server.target(), with_progress({"-n", "5", "--find-rate", "p50<1s"}),
                   prints("find-rate: trial 2")))
    EXPECT_EQ(report.served(), 5U);
}

TEST(Interrupted, WhileItCalibrates) {
  const auto has_child = [](const Program& client) {
    const std::string id = std::to_string(client.pid());
    std::string child;
    std::ifstream("/proc/" + id + "/task/" + id + "/children") >> child;
    return !child.empty();
  };
  interrupted("127.0.0.1:1", {"--calibrate"}, has_child);
}

TEST(Interrupted, InChurn) {
  Server server;
  const Words churn{"-n", "5", "--mode", "churn", "-d", "1m", "--connect-rate", "200"};
  for (const Report& report : interrupted(server.target(), with_progress(churn), prints("echo ")))
    EXPECT_GT(report.served(), 0U);
}

// nohup(1) ignores SIGHUP for the program that it starts.
TEST(Interrupted, NotByAHangupUnderNohup) {
  Server server;
  Program client =
      start_client(server.target(), with_progress({"-n", "20", "--mode", "stream", "-d", "2s"}),
                   [] { ::signal(SIGHUP, SIG_IGN); });
  ASSERT_TRUE(client.prints("echo "));
  client.signal(SIGHUP);
  const Report report = report_of(client);
  EXPECT_EQ(report.code, 0);
  EXPECT_EQ(report.served(), 20U);
}

// Bug: /proc/net/tcp was read once per port: 26 s at full CPU, past the deadline and Ctrl-C.
TEST(Deadline, HoldsForARangeOfAllPorts) {
  const Report report = run_client("127.0.0.1:1-65535", {"-n", "1", "--deadline", "2s"});
  EXPECT_NE(report.code, -SIGKILL);
  EXPECT_LT(report.took, seconds{3} * slower);
}

// At the deadline too, a moment is left for the echoes in flight.
TEST(Deadline, OfAStreamServesWhatIsInFlight) {
  Server server;
  const Report report =
      run_client(server.target(), {"-n", "20", "--mode", "stream", "-d", "1m", "--deadline", "1s"});
  EXPECT_EQ(report.code, 5);
  EXPECT_EQ(report.served(), 20U);
  EXPECT_LT(report.took, seconds{2} * slower);
}

}  // namespace
}  // namespace faults
