// Both servers under traffic, each model, stopped by SIGINT, SIGTERM and SIGHUP, once and twice.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <deque>
#include <ostream>
#include <sstream>
#include <thread>
#include <vector>

#include "echo/socket.hpp"
#include "tests/faults/client.hpp"
#include "tests/stalls/signals.hpp"

namespace faults {
namespace {

struct ServerModel {
  std::string server, model;
};

std::ostream& operator<<(std::ostream& out, const ServerModel& each) {
  return out << each.server << " " << each.model;
}

/// What --list-models of both servers lists; the tests must not be able to miss one.
std::vector<ServerModel> all_models() {
  std::vector<ServerModel> all;
  for (const char* server : {"echo_threads", "echo_async"}) {
    std::istringstream lines(Program{server, {"--list-models"}}.end().out);
    for (std::string line; std::getline(lines, line);)
      all.push_back({server, line.substr(0, line.find(' '))});
  }
  return all;
}

/// The port in "listening 127.0.0.1:PORT"; 0 if the server does not come to listen.
std::uint16_t port_of(const Program& server) {
  const std::string key = "listening 127.0.0.1:";
  if (!server.prints(key)) return 0;
  const std::string text = server.errors();
  return static_cast<std::uint16_t>(std::stoul(text.substr(text.find(key) + key.size())));
}

/// A peer that sends until it blocks and reads nothing: a drain has to wait for it.
echo::Descriptor mute_peer(std::uint16_t port) {
  echo::Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  echo::set_buffers(socket.get(), {4'096, 4'096});
  const echo::Endpoint where = echo::resolve("127.0.0.1", port).front();
  EXPECT_EQ(::connect(socket.get(), where.data(), where.size()), 0);
  const std::vector<char> bytes(65'536);
  for (int quiet = 0; quiet < 20;) {  // 200 ms without room
    const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    quiet = sent < 0 ? quiet + 1 : 0;
    if (sent < 0) ::poll(nullptr, 0, 10);
  }
  return socket;
}

class EveryServer : public ::testing::TestWithParam<ServerModel> {};

TEST_P(EveryServer, EndsByEachSignalOnceAndTwice) {
  const std::vector<Stopping> ways = ways_to_stop();
  std::deque<Program> servers, clients;
  std::vector<std::uint16_t> ports;
  std::vector<echo::Descriptor> mute;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    servers.emplace_back(GetParam().server, Words{"--model", GetParam().model, "--port", "0",
                                                  "--drain-timeout", "1m", "--sndbuf", "4K"});
  }
  for (const Program& server : servers) {
    ports.push_back(port_of(server));
    if (ports.back() == 0) GTEST_SKIP() << server.errors();  // io_uring is refused
  }
  // One signal ends traffic. Two end a drain that a peer delays which does not read.
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (ways[i].twice) continue;
    clients.emplace_back(
        "client", Words{"127.0.0.1:" + std::to_string(ports[i]), "-n", "1", "--mode", "stream",
                        "-R", "100", "-d", "1m", "--progress", "always", "--json", "-"});
  }
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (ways[i].twice) mute.push_back(mute_peer(ports[i]));
  }
  for (const Program& client : clients) EXPECT_TRUE(client.prints("echo "));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    threads.emplace_back([&, i] {
      send(servers[i], ways[i]);
      const auto signalled = std::chrono::steady_clock::now();
      const nanoseconds away = time_away();
      const Ended ended = servers[i].end();
      const nanoseconds took = std::chrono::steady_clock::now() - signalled - (time_away() - away);
      SCOPED_TRACE(name_of(ways[i]));
      EXPECT_EQ(ended.code, ways[i].twice ? 128 + ways[i].number : 0) << ended.err;
      EXPECT_LT(took, longest_end(ways[i]) * 2);
      EXPECT_EQ(ended.out.rfind("EXITING\n", 0), 0U) << "the report: " << ended.out;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (Program& client : clients) report_of(client);
}

INSTANTIATE_TEST_SUITE_P(Models, EveryServer, ::testing::ValuesIn(all_models()),
                         [](const auto& info) {
                           std::string name = info.param.model;
                           for (char& letter : name) letter = letter == '-' ? '_' : letter;
                           return name;
                         });

TEST(ServerUnderNohup, IgnoresAHangup) {
  for (const char* name : {"echo_threads", "echo_async"}) {
    Program server{name, {"--port", "0"}, [] { ::signal(SIGHUP, SIG_IGN); }};
    ASSERT_NE(port_of(server), 0);
    server.signal(SIGHUP);
    server.signal(SIGTERM);
    const Ended ended = server.end();
    EXPECT_EQ(ended.code, 0) << "a hangup that counted would make SIGTERM the second signal";
  }
}

}  // namespace
}  // namespace faults
