// Every model as a server in which one allocation of memory fails: the first, the second, and so on
// to the last of a moment. What it belongs to ends, and nothing else.
//
// Bug: std::bad_alloc while a connection was accepted ended the server, and with it all of its
// connections: in the models of Asio, which allocates before the server sees the connection, and in
// those that put it into a queue, start a thread or fork a process for it.
#include <sys/types.h>

#include <CLI/App.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "tests/conformance/every_model.hpp"
#include "tests/conformance/failing_allocation.hpp"
#include "tests/conformance/offspring.hpp"

namespace conformance {
namespace {

/// More than any model allocates between two of its waits.
constexpr unsigned far_more_than_all = 100;

std::uint64_t all_shed(const server::Counters& counters) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < server::shed_causes; ++i)
    sum += counters.shed_count(static_cast<server::Shed>(i));
  return sum;
}

/// Enough for the connections of a test; each of many more would allocate while it starts.
std::vector<std::string> few_workers(const server::Model& model) {
  CLI::App app;
  model.configure(app);
  if (app.get_option_no_throw("--workers") == nullptr) return {};
  return {"--workers", "4"};
}

/// Whether all threads of the process and of its children sleep.
bool all_sleep(pid_t process) {
  for (const pid_t pid : family(process)) {
    std::error_code gone;
    for (const auto& thread :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
      std::string text;
      std::getline(std::ifstream{thread.path() / "stat"}, text);
      if (text.find(") S ") == std::string::npos) return false;
    }
  }
  return true;
}

/// What happens while an allocation fails.
struct Situation {
  std::string work = "none";     ///< of each message
  std::uint64_t in_service = 2;  ///< connections that were there before
  std::uint64_t others = 1;      ///< connections that begin
};

/// A server with connections in service, and room for another. It waits for them: whatever it
/// allocates for them and for its workers is done.
struct Served {
  Served(const server::Model& model, const Situation& situation)
      : server(model, options_for(situation), few_workers(model)) {
    server.serve_in_child([this] {
      allocation.install();
      return true;
    });
    // One that spins does not sleep, and has started when it serves one.
    const auto wanted = std::max<std::uint64_t>(situation.in_service, server.spins() ? 1 : 0);
    const auto count = std::min(wanted, server.at_once() - 1);
    for (std::uint32_t i = 0; i < count; ++i) {
      peers.emplace_back(server.where());
      EXPECT_TRUE(echoes(peers.back(), payload, {i, 0}));
    }
    EXPECT_TRUE(server.spins() || eventually([this] {
                  return all_sleep(server.child()) && all_sleep(server.child());
                }));
  }
  static server::ServerOptions options_for(const Situation& situation) {
    server::ServerOptions options = loopback();
    options.work = server::Work::parse(situation.work);
    return options;
  }

  const echo::Payload payload = echo::Payload::unique(64, 0xa110c);
  FailingAllocation allocation;  ///< used by the server, so it ends later
  Harness server;
  std::vector<Peer> peers;
};

/// Lets the n-th allocation in the lives of other connections fail. Returns whether they had as
/// many.
bool one_connection_at_most_is_lost(const server::Model& model, const Situation& situation,
                                    unsigned nth) {
  Served served{model, situation};
  Harness& server = served.server;
  const server::Counters& counters = server.counters();
  std::uint64_t lost = 0;
  const auto expect_echo_on = [&](Peer& peer, echo::MessageId id) {
    if (!echoes(peer, served.payload, id)) ++lost;
  };
  served.allocation.fail(nth);
  {
    std::vector<Peer> others;
    const auto count = std::min(situation.others, server.at_once() - served.peers.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      expect_echo_on(others.emplace_back(server.where()), {100 + i, 0});
    }
  }
  EXPECT_TRUE(eventually([&] { return counters.open() <= served.peers.size(); }));
  served.allocation.fail(0);

  for (std::uint32_t i = 0; i < served.peers.size(); ++i) expect_echo_on(served.peers[i], {i, 1});
  EXPECT_LE(lost, 1U);
  {
    Peer later{server.where()};
    EXPECT_TRUE(echoes(later, served.payload, {8, 0}));
  }
  EXPECT_TRUE(eventually([&] { return all_shed(counters) >= lost; })) << "it is counted as shed";
  EXPECT_LE(all_shed(counters), 1U);

  EXPECT_TRUE(server.stop());
  EXPECT_EQ(server.complaint(), "");
  EXPECT_EQ(counters.accepted(), counters.closed());
  EXPECT_EQ(counters.open(), 0U);
  return served.allocation.has_failed();
}

/// Lets the n-th allocation of a drain fail. Returns whether it had as many.
bool drains(const server::Model& model, unsigned nth) {
  Served served{model, {}};
  Harness& server = served.server;
  served.allocation.fail(nth);
  server.drain();
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.complaint(), "");
  EXPECT_EQ(server.counters().accepted(), server.counters().closed());
  EXPECT_EQ(server.counters().open(), 0U);
  return served.allocation.has_failed();
}

/// Calls fails_at(n) for the first allocation, the second, and so on until none has failed. Returns
/// the number of those that have failed.
template <typename FailsAt>
unsigned repeat_for_each_allocation(FailsAt fails_at) {
  for (unsigned nth = 1; nth <= far_more_than_all; ++nth) {
    SCOPED_TRACE("allocation " + std::to_string(nth));
    if (!fails_at(nth) || ::testing::Test::HasFailure()) return nth - 1;
  }
  ADD_FAILURE() << "more than " << far_more_than_all << " allocations";
  return far_more_than_all;
}

unsigned expect_to_lose_one_at_most(const server::Model& model, const Situation& situation) {
  return repeat_for_each_allocation(
      [&](unsigned nth) { return one_connection_at_most_is_lost(model, situation, nth); });
}

TEST_P(EveryModel, LosesAtMostOneConnectionWhicheverAllocationFailsOnce) {
  if (!FailingAllocation::is_possible) GTEST_SKIP() << "the sanitizer has its own operator new";
  const unsigned allocations = expect_to_lose_one_at_most(*GetParam(), {});
  // A table of connections allocates for some of them only.
  if (allocations == 0) expect_to_lose_one_at_most(*GetParam(), {.others = 40});
}

TEST_P(EveryModel, LosesAtMostOneConnectionWhoseWorkSleepsWhicheverAllocationFailsOnce) {
  if (!FailingAllocation::is_possible) GTEST_SKIP() << "the sanitizer has its own operator new";
  expect_to_lose_one_at_most(*GetParam(), {.work = "sleep:1ms", .in_service = 0});
}

TEST_P(EveryModel, DrainsWhicheverAllocationFailsOnce) {
  if (!FailingAllocation::is_possible) GTEST_SKIP() << "the sanitizer has its own operator new";
  repeat_for_each_allocation([](unsigned nth) { return drains(*GetParam(), nth); });
}

}  // namespace
}  // namespace conformance
