// Finding the server's processes by its listening socket: in synthetic /proc trees, and for this
// process.
#include "client/measure/listener_owner.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "limits/processes/family.hpp"
#include "tests/limits/fixture_tree.hpp"

namespace client {
namespace {

using limits::fixtures::FixtureTree;
using Inodes = std::vector<std::uint64_t>;
using Pids = std::vector<pid_t>;

constexpr const char* heading = "  sl  local_address rem_address   st tx_queue rx_queue ...\n";
// Addresses as /proc/net/tcp writes them on a little-endian machine; port 1234 is 04D2.
constexpr const char* v4_loopback = "0100007F:04D2";
constexpr const char* v4_any = "00000000:04D2";
constexpr const char* v6_loopback = "00000000000000000000000001000000:04D2";
constexpr const char* v6_any = "00000000000000000000000000000000:04D2";

std::string line(const std::string& local, const char* state, std::uint64_t inode) {
  return "   0: " + local + " 00000000:0000 " + state +
         " 00000000:00000000 00:00000000 00000000     0        0 " + std::to_string(inode) +
         " 1 0000000000000000 100 0 0 10 0\n";
}
std::string listener(const std::string& local, std::uint64_t inode) {
  return line(local, "0A", inode);
}

Inodes found(const char* host, const std::string& tcp, const std::string& tcp6) {
  FixtureTree tree;
  tree.file("/proc/net/tcp", heading + tcp).file("/proc/net/tcp6", heading + tcp6);
  return listening_inodes(echo::resolve(host, 1234).front(), tree.root());
}

TEST(ListenerOwner, FindsTheSocketThatAConnectArrivesAt) {
  struct Row {
    const char* what;
    const char* target;
    std::string tcp, tcp6;
    Inodes inodes;
  };
  const Row rows[] = {
      {"no listener", "127.0.0.1", "", "", {}},
      {"at the address", "127.0.0.1", listener(v4_loopback, 5), "", {5}},
      {"at another port", "127.0.0.1", listener("0100007F:04D3", 5), "", {}},
      {"at another address", "127.0.0.1", listener("0200007F:04D2", 5), "", {}},
      {"at the wildcard", "127.0.0.1", listener(v4_any, 6), "", {6}},
      {"the address takes precedence over the wildcard",
       "127.0.0.1",
       listener(v4_any, 6) + listener(v4_loopback, 5),
       "",
       {5}},
      {"several share it (SO_REUSEPORT)",
       "127.0.0.1",
       listener(v4_loopback, 5) + listener(v4_loopback, 7),
       "",
       {5, 7}},
      {"connections are not listeners", "127.0.0.1", line(v4_loopback, "01", 9), "", {}},
      {"IPv6, at the address", "::1", listener(v4_loopback, 5), listener(v6_loopback, 8), {8}},
      {"IPv6, at the wildcard", "::1", "", listener(v6_any, 8), {8}},
      {"a socket for both families accepts IPv4 too", "127.0.0.1", "", listener(v6_any, 8), {8}},
      // Bug: two servers running simultaneously were taken for one, and their memory was added up.
      {"IPv4's own wildcard takes precedence over IPv6's",
       "127.0.0.1",
       listener(v4_any, 6),
       listener(v6_any, 8),
       {6}},
      {"IPv4's wildcard does not accept IPv6", "::1", listener(v4_any, 6), "", {}},
      {"each family has its own", "::1", listener(v4_any, 6), listener(v6_any, 8), {8}},
      {"a mapped address is IPv4", "::ffff:127.0.0.1", listener(v4_loopback, 5), "", {5}},
  };
  for (const Row& row : rows)
    EXPECT_EQ(found(row.target, row.tcp, row.tcp6), row.inodes) << row.what;
}

TEST(ListenerOwner, AMissingTcp6FileIsNoError) {
  FixtureTree tree;
  tree.file("/proc/net/tcp", heading + listener(v4_loopback, 5));
  EXPECT_EQ(listening_inodes(echo::resolve("127.0.0.1", 1234).front(), tree.root()), Inodes{5});
}

TEST(ListenerOwner, HoldersAreTheProcessesWithADescriptorOfTheSocket) {
  FixtureTree tree;
  const auto holds = [&tree](pid_t pid, int fd, const char* what) {
    const auto directory = tree.root() / "proc" / std::to_string(pid) / "fd";
    std::filesystem::create_directories(directory);
    std::filesystem::create_symlink(what, directory / std::to_string(fd));
  };
  holds(20, 3, "socket:[5]");
  holds(20, 4, "socket:[5]");
  holds(9, 7, "socket:[7]");
  holds(30, 3, "socket:[55]");
  holds(31, 3, "pipe:[5]");
  tree.file("/proc/self/fd/0", "").file("/proc/uptime", "1 1\n");
  EXPECT_EQ(holders_of({5, 7}, tree.root()), (Pids{9, 20}));
  EXPECT_EQ(holders_of({}, tree.root()), Pids{});
  EXPECT_EQ(holders_of({6}, tree.root()), Pids{});
}

TEST(ListenerOwner, CommandsAreReadOrEmpty) {
  FixtureTree tree;
  tree.file("/proc/10/comm", "echo_threads\n");
  EXPECT_EQ(command_of(10, tree.root()), "echo_threads");
  EXPECT_EQ(command_of(11, tree.root()), "");
}

class RealListener : public ::testing::TestWithParam<const char*> {};

TEST_P(RealListener, OfThisProcessIsFoundWithItsForkedChild) {
  const echo::Descriptor socket = echo::listen_on(echo::resolve(GetParam(), 0).front(), 4, false);
  echo::Endpoint target = echo::local_endpoint(socket.get());
  if (target.host_text() == "0.0.0.0") {
    const std::uint16_t port = target.port();
    target = echo::resolve("127.0.0.1", port).front();
  }
  EXPECT_EQ(holders_of(listening_inodes(target)), Pids{::getpid()});

  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  const Pids both = holders_of(listening_inodes(target));
  EXPECT_TRUE(std::find(both.begin(), both.end(), child) != both.end());
  EXPECT_EQ(both.size(), 2U);
  const Pids family = limits::with_descendants({::getpid()});
  EXPECT_TRUE(std::find(family.begin(), family.end(), child) != family.end());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

INSTANTIATE_TEST_SUITE_P(At, RealListener, ::testing::Values("127.0.0.1", "127.5.6.7", "0.0.0.0"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

// Bug: the tables were read once per port: a range of 65,535 ports took 26 s, past any deadline.
TEST(ListenerOwner, FindsTheListenersOfARangeInOneReading) {
  FixtureTree tree;
  std::string tcp = heading;
  for (std::uint64_t i = 0; i < 1'000; ++i) tcp += listener("0100007F:04D2", 5);
  tcp += listener("00000000:FFFF", 6) + listener("0200007F:0001", 7);
  tree.file("/proc/net/tcp", tcp).file("/proc/net/tcp6", heading);
  std::vector<echo::Endpoint> targets;
  for (unsigned port = 1; port <= 65'535; ++port) {
    targets.push_back(echo::resolve("127.0.0.1", static_cast<std::uint16_t>(port)).front());
  }
  const auto began = std::chrono::steady_clock::now();
  const Inodes inodes = listening_inodes(targets, tree.root());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{5})
      << "65,535 readings of this table take minutes";
  EXPECT_EQ(inodes.size(), 1'001U);
  EXPECT_EQ(inodes.front(), 5U);
  EXPECT_EQ(inodes.back(), 6U) << "at the wildcard; another address is not reached";
}

}  // namespace
}  // namespace client
