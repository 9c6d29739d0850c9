// Other clients of the same server: its costs cannot be told from those of this run.
#include <gtest/gtest.h>

#include <vector>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

/// Whether the kernel listed the server's sockets; a container may refuse it.
bool counts_others(const Report& report) {
  return !report.document.at_pointer("/kernel/other_connections").is_null();
}

// Bug: each of two clients reported the server's whole cost as that of its own echoes.
TEST(OtherClients, OfTheServerMakeItsCostsUnknown) {
  const Server server;
  std::vector<echo::Descriptor> others;
  const echo::Endpoint where = echo::resolve("127.0.0.1", server.port()).front();
  for (int i = 0; i < 3; ++i) {
    others.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(others.back().get(), where.data(), where.size()), 0);
  }
  const Words stream{"-n", "20", "--mode", "stream", "-d", "300ms"};
  const Report report = run_client(server.target(), stream);
  EXPECT_EQ(report.code, 0);
  if (!counts_others(report)) GTEST_SKIP() << "the kernel refuses sock_diag";
  EXPECT_EQ(report.count("/kernel/other_connections"), 3U);
  EXPECT_TRUE(report.warns("the server has 3 connections of other clients")) << report.out;
  for (const char* unknown :
       {"/cpu/server_ns_per_echo", "/cpu/total_ns_per_echo", "/memory/server/per_connection"}) {
    EXPECT_TRUE(report.document.at_pointer(unknown).is_null()) << unknown;
  }
  EXPECT_GT(report.count("/cpu/client_ns_per_echo"), 0U) << "the client's own is known";
}

TEST(OtherClients, AreNotThisRunsOwnConnections) {
  const Server server;
  for (const Words& run : {Words{"-n", "50"}, Words{"-n", "20", "--mode", "stream", "-d", "200ms"},
                           Words{"-n", "20", "--mode", "churn", "-d", "200ms"}}) {
    const Report report = run_client(server.target(), run);
    EXPECT_FALSE(report.warns("other clients")) << report.out;
    if (counts_others(report)) {
      EXPECT_EQ(report.count("/kernel/other_connections"), 0U);
    }
  }
}

TEST(OtherClients, AreNotConnectionsThatTimedOutWithUnsentBytes) {
  Liar server{[](Peer& peer) { peer.ignore(); }};  // the kernel keeps them until it reads
  const Report report = run_client(server.target(), {"-n", "3", "-s", "8M", "--timeout", "300ms"});
  EXPECT_EQ(report.failed(), (Buckets{{"timeout", 3}}));
  EXPECT_FALSE(report.warns("other clients")) << report.out;
}

}  // namespace
}  // namespace faults
