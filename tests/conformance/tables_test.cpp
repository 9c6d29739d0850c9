// Models in several descriptor tables: each table has its own listener and its own share of the
// connections, and together they are one server.
#include <sys/resource.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <system_error>
#include <vector>

#include "echo_async/models.hpp"
#include "echo_threads/models.hpp"
#include "server/program/tables.hpp"
#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

constexpr unsigned several = 4;

std::vector<const server::Model*> models_with_tables() {
  std::vector<const server::Model*> found;
  for (const auto& models : {echo_threads::models(), echo_async::models()}) {
    std::copy_if(models.begin(), models.end(), std::back_inserter(found),
                 [](const server::Model* model) { return model->tables != server::TableUse::one; });
  }
  return found;
}

server::ServerOptions in_tables(unsigned tables = several) {
  server::ServerOptions options = loopback();
  options.tables = tables;
  return options;
}

class InTables : public EveryModel {
 protected:
  void SetUp() override {
#if defined(TESTBED_SANITIZES_THREAD)
    GTEST_SKIP() << "the thread sanitizer takes one number in two tables for one descriptor";
#endif
    EveryModel::SetUp();
  }
};
INSTANTIATE_TEST_SUITE_P(all, InTables, ::testing::ValuesIn(models_with_tables()), name_of_model);

TEST(Tables, AreUsedBySixModels) {
  std::string names;
  for (const server::Model* model : models_with_tables()) names += std::string(model->name) + " ";
  EXPECT_EQ(names,
            "thread-per-connection callbacks coroutines nested-epoll reactor-per-core io-uring ");
}

TEST_P(InTables, EachServesItsShare) {
  constexpr unsigned count = 200;
  Harness& server = serve(in_tables());
  const std::vector<Peer> peers = connect_served(count);
  const server::Counters& counters = server.counters();
  EXPECT_EQ(counters.open(), count);
  EXPECT_EQ(counters.max_open(), count);
  ASSERT_EQ(counters.workers(), several);
  for (unsigned table = 0; table < several; ++table) {
    // 50 are expected; a share of less than 20 has a chance of one in a million.
    EXPECT_GE(counters.worker(table).accepted.load(), 20U) << table;
    EXPECT_TRUE(eventually([&] {  // a message is counted when its echo has been sent
      return counters.worker(table).messages == counters.worker(table).accepted;
    }));
  }
}

TEST_P(InTables, ServesMoreThanTheLimitOfOpenFiles) {
  constexpr std::uint64_t open_files = 64;
  constexpr unsigned count = 100;
  Harness& server = listen(in_tables());
  server.serve_in_child(open_files);
  const std::vector<Peer> peers = connect_served(count);
  EXPECT_EQ(server.counters().open(), count);
  EXPECT_EQ(server.counters().shed_count(server::Shed::descriptors), 0U);
}

TEST_P(InTables, AStopReachesAllOfThem) {
  Harness& server = serve(in_tables());
  std::vector<Peer> peers = connect_served(100);
  server.drain();
  EXPECT_TRUE(server.ends_within(patience)) << "all peers have nothing in flight";
  EXPECT_EQ(server.counters().open(), 0U);
  for (Peer& peer : peers) EXPECT_EQ(peer.end(), End::fin);
  EXPECT_THROW((void)connect(), std::system_error) << "a table has kept a listener of another";
}

TEST_P(InTables, ADrainSendsWhatIsQueuedInEach) {
  Harness& server = serve(in_tables());
  std::vector<Peer> peers = connect_served(40);
  const std::vector<std::byte> bytes(1'000);
  for (Peer& peer : peers) peer.send(bytes);
  server.drain();
  for (Peer& peer : peers) EXPECT_EQ(peer.receive(bytes.size()).size(), bytes.size());
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().open(), 0U);
}

TEST_P(InTables, TheirConnectionsCountTogether) {
  constexpr unsigned most = 20;
  server::ServerOptions options = in_tables();
  options.max_connections = most;
  Harness& server = serve(options);
  const std::vector<Peer> served = connect_served(most);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(connect().end(), End::fin);
  EXPECT_EQ(server.counters().max_open(), most);
  EXPECT_EQ(server.counters().shed_count(server::Shed::max_connections), 20U);
}

TEST_P(InTables, AFailureInOneEndsAll) {
  // With no descriptor left no table listens; with two, no loop runs.
  for (const rlim_t open_files : {3U, 5U}) {
    Harness server{*GetParam(), in_tables()};
    server.serve_in_child([open_files] {
      const rlimit few{open_files, open_files};
      return ::setrlimit(RLIMIT_NOFILE, &few) == 0;
    });
    EXPECT_TRUE(server.ends_within(patience));
    EXPECT_EQ(server.complaint(), "child ended with 256") << "exit code 1: serving threw";
  }
}

}  // namespace
}  // namespace conformance
