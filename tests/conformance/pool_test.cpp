// Behaviour of some models only: the queues and workers of pools, the children of forking models.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "echo_threads/models.hpp"
#include "tests/conformance/eventually.hpp"
#include "tests/conformance/harness.hpp"
#include "tests/conformance/offspring.hpp"
#include "tests/conformance/peer.hpp"

namespace conformance {
namespace {

using Clock = std::chrono::steady_clock;
using server::Shed;

const server::Model& model_named(std::string_view name) {
  for (const server::Model* model : echo_threads::models()) {
    if (model->name == name) return *model;
  }
  throw std::invalid_argument("no model " + std::string(name));
}

class Serving : public ::testing::Test {
 protected:
  void TearDown() override {
    if (!server_) return;
    ASSERT_TRUE(server_->stop() || server_->ends_within(patience));
    EXPECT_EQ(server_->complaint(), "");
    EXPECT_EQ(counters().accepted(), counters().closed() + counters().open());
    EXPECT_TRUE(offspring().empty());
  }

  void serve(std::string_view model, std::vector<std::string> arguments = {}) {
    server_.emplace(model_named(model), loopback(), std::move(arguments));
    server_->serve();
  }
  Harness& server() { return *server_; }
  const server::Counters& counters() { return server_->counters(); }
  Peer connect() { return Peer{server_->where()}; }
  Peer connect_served() {
    Peer peer = connect();
    EXPECT_TRUE(echoes(peer, payload_, {0, 0}));
    return peer;
  }
  /// Whether a reply, or the end of the connection, has arrived and has not been read.
  static bool is_readable(const Peer& peer) {
    pollfd entry{peer.fd(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  }

  const echo::Payload payload_ = echo::Payload::unique(64, 1);

 private:
  std::optional<Harness> server_;
};

/// Fills a queue that has room for `room` connections while the only worker is busy. The last
/// connection is closed because the queue is full. It was accepted after the rest, so when it is
/// closed, they all wait in the queue.
struct FullQueue {
  FullQueue(Harness& server, std::size_t room) {
    for (std::size_t i = 0; i < room; ++i) waiting.emplace_back(server.where());
    Peer one_too_many{server.where()};
    EXPECT_NE(one_too_many.end(), End::silence);
  }
  std::vector<Peer> waiting;
};

class Prefork : public Serving {};
class ForkPerConnection : public Serving {};
class PoolSharedQueue : public Serving {};
class PoolOwnQueue : public Serving {};
class EveryQueue : public Serving, public ::testing::WithParamInterface<const char*> {};
class EveryPool : public Serving, public ::testing::WithParamInterface<const char*> {};

TEST_F(Prefork, ReplacesAKilledWorkerAndCountsItsConnectionAsClosed) {
  serve("prefork", {"--workers", "1"});
  for (std::uint64_t killed = 1; killed <= 3; ++killed) {
    Peer peer = connect_served();
    EXPECT_EQ(counters().open(), 1U);
    const std::set<pid_t> workers = offspring();
    ASSERT_EQ(workers.size(), 1U);
    ASSERT_EQ(::kill(*workers.begin(), SIGKILL), 0);
    EXPECT_NE(peer.end(), End::silence);
    EXPECT_TRUE(eventually([&] { return counters().replaced_count() == killed; }));
    EXPECT_EQ(counters().open(), 0U);
    EXPECT_EQ(counters().closed(), killed);
  }
  EXPECT_GT(counters().largest_child_bytes(), 0U) << "known for killed workers too";
  connect_served().close();
}

TEST_F(Prefork, KeepsTheOtherWorkersWhenOneIsKilled) {
  serve("prefork", {"--workers", "2"});
  Peer first = connect_served();
  Peer second = connect_served();
  const std::set<pid_t> workers = offspring();
  ASSERT_EQ(workers.size(), 2U);
  ASSERT_EQ(::kill(*workers.begin(), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] { return is_readable(first) || is_readable(second); }));
  Peer& left = is_readable(first) ? second : first;
  EXPECT_TRUE(echoes(left, payload_, {0, 1}));
  EXPECT_TRUE(eventually([&] { return counters().replaced_count() == 1; }));
  EXPECT_EQ(counters().open(), 1U);
}

TEST_F(ForkPerConnection, LosesOneConnectionWhenAChildIsKilled) {
  serve("fork-per-connection");
  Peer first = connect_served();
  const std::set<pid_t> its_child = offspring();
  ASSERT_EQ(its_child.size(), 1U);
  Peer second = connect_served();
  ASSERT_EQ(::kill(*its_child.begin(), SIGKILL), 0);
  EXPECT_NE(first.end(), End::silence);
  EXPECT_TRUE(eventually([&] { return counters().open() == 1; }));
  EXPECT_EQ(counters().closed(), 1U);
  EXPECT_EQ(counters().children(), 1U);
  EXPECT_TRUE(echoes(second, payload_, {0, 1}));
}

TEST_F(ForkPerConnection, IgnoresSignalsOfTheProcessGroupInChildren) {
  serve("fork-per-connection");
  Peer peer = connect_served();
  for (const pid_t child : offspring()) {
    ASSERT_EQ(::kill(child, SIGINT), 0);
    ASSERT_EQ(::kill(child, SIGTERM), 0);
  }
  EXPECT_TRUE(echoes(peer, payload_, {0, 1}));
}

TEST_F(PoolOwnQueue, AssignsConnectionsInTurn) {
  constexpr unsigned workers = 4;
  serve("pool-own-queue", {"--workers", std::to_string(workers)});
  for (int round = 1; round <= 3; ++round) {
    for (unsigned i = 0; i < workers; ++i) connect_served().close();
    for (unsigned i = 0; i < workers; ++i) {
      EXPECT_EQ(counters().worker(i).accepted, static_cast<std::uint64_t>(round)) << i;
    }
  }
}

TEST_F(PoolOwnQueue, KeepsAConnectionWaitingBehindASlowOneAlthoughAnotherWorkerIsIdle) {
  serve("pool-own-queue", {"--workers", "2"});
  Peer slow = connect_served();
  connect_served().close();
  Peer behind = connect();
  ASSERT_TRUE(behind.send(message(payload_, {2, 0})));
  connect_served().close();  // assigned later, and served
  EXPECT_FALSE(is_readable(behind));
  slow.close();
  EXPECT_TRUE(is_message(payload_, {2, 0}, behind.receive(payload_.size())));
}

TEST_F(PoolSharedQueue, KeepsNoConnectionWaitingWhileAWorkerIsIdle) {
  serve("pool-shared-queue", {"--workers", "2"});
  const Peer slow = connect_served();
  for (int i = 0; i < 20; ++i) connect_served().close();
}

TEST_P(EveryQueue, ClosesAndCountsConnectionsBeyondItsLimit) {
  serve(GetParam(), {"--workers", "1", "--queue-limit", "2"});
  Peer served = connect_served();
  FullQueue queue{server(), 2};
  EXPECT_TRUE(eventually([&] { return counters().shed_count(Shed::queue_full) == 1U; }));
  served.close();
  for (Peer& peer : queue.waiting) {
    EXPECT_TRUE(echoes(peer, payload_, {0, 0})) << "waiting connections are served";
    peer.close();
  }
}

TEST_P(EveryQueue, MeasuresHowLongConnectionsWaitedForAWorker) {
  serve(GetParam(), {"--workers", "1", "--queue-limit", "1"});
  Peer served = connect_served();
  FullQueue queue{server(), 1};
  const auto began = Clock::now();
  for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(echoes(served, payload_, {0, i}));
  const std::chrono::nanoseconds waited = Clock::now() - began;
  served.close();
  EXPECT_TRUE(echoes(queue.waiting.front(), payload_, {0, 0}));
  ASSERT_TRUE(server().stop());
  const auto& wait = server().measurements().queue_wait;
  ASSERT_TRUE(wait);
  EXPECT_EQ(wait->count(), 2U);
  EXPECT_GE(wait->max(), static_cast<std::uint64_t>(waited.count()));
}

TEST_P(EveryQueue, ServesWaitingConnectionsBeforeADrainEnds) {
  serve(GetParam(), {"--workers", "1", "--queue-limit", "3"});
  const Peer served = connect_served();
  FullQueue queue{server(), 3};
  for (Peer& peer : queue.waiting) {
    ASSERT_TRUE(peer.send(message(payload_, {0, 0})));
    ASSERT_TRUE(eventually([&] { return peer.unacknowledged() == 0; }));
  }
  server().drain();
  for (Peer& peer : queue.waiting) {
    EXPECT_TRUE(is_message(payload_, {0, 0}, peer.receive(payload_.size())));
    EXPECT_EQ(peer.end(), End::fin);
  }
  EXPECT_TRUE(server().ends_within(patience));
  EXPECT_EQ(counters().closed(), 4U);
}

TEST_P(EveryQueue, CountsWaitingConnectionsAsOpenAfterAForcedStop) {
  serve(GetParam(), {"--workers", "1", "--queue-limit", "3"});
  const Peer served = connect_served();
  FullQueue queue{server(), 3};
  server().force();
  EXPECT_TRUE(server().ends_within(patience));
  EXPECT_EQ(counters().accepted(), 4U);
  EXPECT_EQ(counters().open(), 4U);
  for (Peer& peer : queue.waiting) EXPECT_NE(peer.end(), End::silence);
}

TEST_P(EveryPool, MeasuresHowLongAWorkerWasIdle) {
  serve(GetParam(), {"--workers", "2"});
  {
    Peer first = connect_served();
    Peer second = connect_served();
  }
  ASSERT_TRUE(eventually([&] { return counters().open() == 0; }));
  const auto began = Clock::now();
  Peer peer = connect();
  for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(echoes(peer, payload_, {0, i}));
  const std::chrono::nanoseconds elapsed = Clock::now() - began;
  ASSERT_TRUE(server().stop());
  const std::uint64_t idle = std::max(counters().worker(0).idle_ns.load(),  //
                                      counters().worker(1).idle_ns.load());
  EXPECT_GE(idle, static_cast<std::uint64_t>(elapsed.count()) / 2) << "one of two workers was idle";
}

std::string name_of(const ::testing::TestParamInfo<const char*>& info) {
  std::string name{info.param};
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(echo_threads, EveryQueue,
                         ::testing::Values("pool-shared-queue", "pool-own-queue"), name_of);
INSTANTIATE_TEST_SUITE_P(echo_threads, EveryPool,
                         ::testing::Values("pool-shared-queue", "pool-own-queue", "pool-accept",
                                           "prefork"),
                         name_of);

}  // namespace
}  // namespace conformance
