// The machine runs out of descriptors or ports (faults 15, 16); a name resolves to an address
// without a server first (20).
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <string_view>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"
#include "tests/faults/own_namespace.hpp"
#include "tests/limits/fixture_tree.hpp"

namespace faults {
namespace {

/// Limits the child to `descriptors`, and takes away the right to raise the limit.
Program::Setup at_most_open(rlim_t descriptors) {
  return [descriptors] {
    ::prctl(PR_CAPBSET_DROP, 24 /* CAP_SYS_RESOURCE */, 0, 0, 0);
    const rlimit few{descriptors, descriptors};
    ::setrlimit(RLIMIT_NOFILE, &few);
  };
}

TEST(TooFewDescriptors, AreReportedBeforeTheFirstConnectWithTheLineToType) {
  std::atomic<int> accepted = 0;
  Liar server{[&accepted](Peer&) { ++accepted; }};
  const nanoseconds took = quickest(milliseconds{100}, [&] {
    Program client{
        "client", {server.target(), "-n", "10000", "--tables", "1"}, at_most_open(9'000)};
    const Ended ended = client.end();
    EXPECT_EQ(ended.code, 3);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    EXPECT_NE(ended.err.find("open files"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("have 9000"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("ulimit -n 1"), std::string::npos) << ended.err;
    return ended.took;
  });
  EXPECT_LT(took, milliseconds{100} * slower);
  EXPECT_EQ(accepted, 0);
}

TEST(TooFewDescriptors, AFewMoreThanTheConnectionsAreEnough) {
  Liar server{honest};
  const Report report = run_client(server.target(), {"-n", "100"}, at_most_open(120));
  EXPECT_EQ(report.code, 0);
}

// No machine has a TiB free.
TEST(TooLittleMemory, LetsTheRunGoOnWithTheConnectionsThatStand) {
  Liar server{honest};
  const Report report =
      run_client(server.target(), {"-n", "500", "--connect-rate", "1000", "--keep-free", "1T"});
  EXPECT_EQ(report.code, 1);
  const Buckets failed = report.failed();
  ASSERT_EQ(failed.size(), 1U);
  EXPECT_EQ(failed.begin()->first, "not_attempted");
  const std::uint64_t left_out = failed.begin()->second;
  EXPECT_GT(left_out, 0U);
  EXPECT_LT(left_out, 500U);
  EXPECT_EQ(report.served(), 500 - left_out);
  EXPECT_TRUE(report.warns("less than --keep-free 1 TiB"));
}

/// Lets epoll_ctl(2) fail with ENOSPC for descriptors from `first` on.
Program::Setup no_watches_from(std::uint32_t first) {
  return [first] {
    constexpr std::size_t low_half_of_third = offsetof(seccomp_data, args) + 2 * 8;
    sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_ctl, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low_half_of_third),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(code), code};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
  };
}

// Bug: the client ended with 7 and without a report.
TEST(TooFewEpollWatches, FailTheirConnectionsAndKeepTheOthers) {
  Liar server{honest};
  for (const char* mode : {"hold", "stream", "churn"}) {
    Words words{"-n", "100", "--threads", "1", "--mode", mode};
    if (mode != std::string_view{"hold"}) words.insert(words.end(), {"-d", "1s"});
    const Report report = run_client(server.target(), words, no_watches_from(60));
    EXPECT_EQ(report.code, 1) << mode << report.err;
    EXPECT_GT(report.served(), 20U) << mode;
    EXPECT_GT(report.failed().at("local_limit"), 20U) << mode;
    EXPECT_TRUE(report.warns("fs.epoll.max_user_watches")) << mode;
  }
}

/// Opens `count` connections to `where`, which hold their ports.
std::vector<echo::Descriptor> occupy(const echo::Endpoint& where, int count) {
  std::vector<echo::Descriptor> sockets;
  for (int i = 0; i < count; ++i) {
    sockets.emplace_back(::socket(where.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(sockets.back().get(), where.data(), where.size()), 0);
  }
  return sockets;
}

class FewPorts {
 public:
  static constexpr const char* file = "/proc/sys/net/ipv4/ip_local_port_range";
  static bool set(const char* range) {
    bring_loopback_up();
    std::ofstream(file) << range << std::flush;
    std::string first;
    std::ifstream(file) >> first;
    return std::string(range).starts_with(first);
  }
};

TEST(PortsExhausted, ByOthersIsALocalLimitWithAdvice) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "no ::1 here";
  const std::string refused = in_own_namespace(CLONE_NEWNET, [] {
    ASSERT_TRUE(FewPorts::set("40000 40019"));
    Liar server{honest, "::1"};
    const auto others = occupy(server.where(), 14);  // the listener has one too: 5 are left
    const Report report = run_client(server.target(), {"-n", "10"});
    EXPECT_EQ(report.code, 1);
    EXPECT_EQ(report.served(), 5U);
    EXPECT_EQ(report.failed_by_phase(), (Buckets{{"local_limit connect", 5}}));
    EXPECT_TRUE(
        report.warns("5 connects found no free local port: ::1 has no other source "
                     "addresses: use 127.0.0.1"))
        << report.out;
    EXPECT_FALSE(report.warns("limits -n")) << "it does not name this cause";
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

TEST(PortsExhausted, ByAChurnNamesWhatFreesThem) {
  const std::string refused = in_own_namespace(CLONE_NEWNET, [] {
    ASSERT_TRUE(FewPorts::set("40000 40019"));
    Liar server{honest};
    const Words churn{"-n", "2", "--mode", "churn", "-d", "300ms", "--source", "127.0.0.1"};
    const Report report = run_client(server.target(), churn);
    EXPECT_GT(report.failed()["local_limit"], 0U);
    EXPECT_TRUE(
        report.warns("found no free local port: give more addresses (--source), widen "
                     "net.ipv4.ip_local_port_range, or close without TIME_WAIT"))
        << report.out;
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

// Bug: it was told as a limit that ran out, after all connects, with exit code 1.
TEST(SwitchedOffIPv6, IsANetworkErrorBeforeAnyTraffic) {
  const std::string refused = in_own_namespace(CLONE_NEWNET, [] {
    bring_loopback_up();
    std::ofstream("/proc/sys/net/ipv6/conf/all/disable_ipv6") << "1" << std::flush;
    Program client{"client", {"[::1]:1234", "-n", "5"}};
    const Ended ended = client.end();
    EXPECT_EQ(ended.code, 4);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended.err;
    EXPECT_NE(ended.err.find("connect to ::1: "), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("IPv6"), std::string::npos) << ended.err;
    Liar server{honest};
    const Report other = run_client("localhost:" + std::to_string(server.port()), {"-n", "5"});
    EXPECT_EQ(other.code, 0) << "the name's other address is used";
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

TEST(PortsExhausted, BeyondTheRangeOfASingleSourceIsReportedBeforehand) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "no ::1 here";
  const std::string refused = in_own_namespace(CLONE_NEWNET, [] {
    ASSERT_TRUE(FewPorts::set("40000 40019"));
    Liar server{honest, "::1"};
    Program client{"client", {server.target(), "-n", "21"}};
    const Ended ended = client.end();
    EXPECT_EQ(ended.code, 3);
    EXPECT_NE(ended.err.find("local ports: need 21, have 20"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find("ip_local_port_range"), std::string::npos) << ended.err;
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

TEST(PortsExhausted, IsAvoidedOn127ByMoreSources) {
  const std::string refused = in_own_namespace(CLONE_NEWNET, [] {
    ASSERT_TRUE(FewPorts::set("40000 40019"));
    Liar server{honest};
    const Report report = run_client(server.target(), {"-n", "100"});
    EXPECT_EQ(report.code, 0);
    EXPECT_EQ(report.count("/sources"), 100U);
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

TEST(Localhost, ThatIsFirstIPv6LeadsToTheServerOnIPv4) {
  const limits::fixtures::FixtureTree tree;
  std::ofstream(tree.root() / "hosts") << "::1 localhost\n127.0.0.1 localhost\n";
  const std::string refused = in_own_namespace(CLONE_NEWNS, [&tree] {
    ASSERT_EQ(::mount((tree.root() / "hosts").c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr), 0);
    Liar server{honest};
    const Report report = run_client("localhost:" + std::to_string(server.port()), {"-n", "20"});
    EXPECT_EQ(report.code, 0);
    EXPECT_EQ(report.served(), 20U);
    EXPECT_EQ(report.document.at("target").as_string(), server.target());
  });
  if (!refused.empty()) GTEST_SKIP() << refused;
}

}  // namespace
}  // namespace faults
