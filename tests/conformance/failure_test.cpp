// Failures within a server: accept(2) fails, a thread or process cannot be started, an exception.
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "echo_threads/models.hpp"
#include "tests/conformance/call_script.hpp"
#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using server::Shed;

/// Echoes, and throws when it receives a single exclamation mark.
class ThrowingProtocol final : public server::Protocol {
 public:
  [[nodiscard]] std::string_view name() const override { return "throwing"; }
  [[nodiscard]] std::span<const std::byte> reply_to(std::span<std::byte> received) const override {
    if (received.size() == 1 && received[0] == trigger) throw std::runtime_error("of the test");
    return received;
  }
  static constexpr std::byte trigger{'!'};
};

TEST_P(EveryModel, EndsTheConnectionWhoseReplyThrowsAndNoOther) {
  static const ThrowingProtocol throwing;
  Harness& server = listen();
  server.use_protocol(throwing);
  server.serve();
  std::vector<Peer> peers = connect_served(at_once(3));
  ASSERT_TRUE(peers.front().send({&ThrowingProtocol::trigger, 1}));
  EXPECT_NE(peers.front().end(), End::silence);
  EXPECT_TRUE(open_becomes(peers.size() - 1));
  // A coroutine destroys its locals, and with them the connection, before its exception is counted.
  EXPECT_TRUE(eventually([&] { return server.counters().shed_count(Shed::exception) == 1U; }));
  for (std::uint32_t i = 1; i < peers.size(); ++i) EXPECT_TRUE(echoes(peers[i], payload_, {i, 1}));
  Peer next = connect();
  EXPECT_TRUE(echoes(next, payload_, {9, 0})) << "the server continues to serve";
}

// Bug: after ECONNABORTED Asio, which gets one event for a whole queue, left the rest of the queue
// until the next connection arrived.
TEST_P(EveryModel, ContinuesWhenAcceptFails) {
  Harness& server = listen();
  if (GetParam()->name == "io-uring") GTEST_SKIP() << "accepts without a system call";
  server.serve_in_child([] {
    return script_calls({SYS_accept, SYS_accept4},
                        {0, ECONNABORTED, EPROTO, ENETDOWN, ENOBUFS, ENOMEM, ENFILE});
  });
  std::uint32_t tries = 0;
  EXPECT_TRUE(eventually([&] {
    Peer peer = connect();
    return static_cast<bool>(echoes(peer, payload_, {tries++, 0}));
  }));
  // Waiting connections make the server call accept until it has seen all scripted errors.
  EXPECT_TRUE(eventually([&] {
    Peer peer = connect();
    return echoes(peer, payload_, {tries++, 0}) && server.counters().shed_count(Shed::memory) == 2U;
  }));
}

// Bug: where accept(2) failed for each connection, the loops that retry it never returned, and two
// SIGTERMs had no effect.
TEST_P(EveryModel, StopsWhileEachAcceptFails) {
  if (GetParam()->name == "io-uring") GTEST_SKIP() << "accepts without a system call";
  for (const int error : {EPERM, ECONNABORTED, EACCES}) {
    SharedCount failed;
    Harness server{*GetParam(), loopback()};
    server.serve_in_child([&] { return fail_calls({SYS_accept, SYS_accept4}, error, failed); });
    const Peer waiting{server.where()};
    EXPECT_TRUE(eventually([&] { return failed.value() > 0; })) << std::strerror(error);
    server.drain();
    EXPECT_TRUE(server.ends_within(patience)) << std::strerror(error);
    EXPECT_EQ(server.complaint(), "") << std::strerror(error);
  }
}

/// Expects the model to retry, give up that connection and serve the rest. For models that need a
/// thread or process per connection.
void expect_to_shed_and_continue(const server::Model& model, Shed cause) {
  const echo::Payload payload = echo::Payload::unique(64, 0xbad);
  Harness server{model, loopback()};
  // The first calls succeed, for the server itself and its first peers; the next 40 fail.
  std::vector<int> outcomes(8, 0);
  outcomes.resize(outcomes.size() + 40, EAGAIN);
  server.serve_in_child([&] {
    return script_calls({SYS_clone, SYS_clone3, SYS_fork, SYS_vfork}, outcomes);
  });
  std::vector<Peer> served;
  std::uint32_t tries = 0;
  const auto shed = [&] { return server.counters().shed_count(cause); };
  EXPECT_TRUE(eventually([&] {
    Peer peer{server.where()};
    if (echoes(peer, payload, {tries++, 0})) served.push_back(std::move(peer));
    return shed() > 0 && !served.empty() && served.size() > 12;
  })) << served.size()
      << " served of " << tries;
  EXPECT_EQ(served.size() + shed(), tries) << "each is served, or closed and counted as shed";
  EXPECT_TRUE(eventually([&] { return server.counters().open() == served.size(); }));
  for (Peer& peer : served) EXPECT_TRUE(echoes(peer, payload, {7, 7}));
  served.clear();
  EXPECT_TRUE(eventually([&] { return server.counters().open() == 0; }));
}

const server::Model& model_named(std::string_view name) {
  for (const server::Model* model : echo_threads::models()) {
    if (model->name == name) return *model;
  }
  throw std::invalid_argument("no model " + std::string(name));
}

TEST(ThreadFailure, ShedsOnlyConnectionsWithoutAThread) {
  expect_to_shed_and_continue(model_named("thread-per-connection"), Shed::threads);
}

// Bug: where a container's filter refuses unshare(2), the forking servers ended when they started.
TEST(ForkFailure, ForksWithTheWholeTableWhereUnshareIsRefused) {
  for (const std::string_view name : {"fork-per-connection", "prefork"}) {
    const echo::Payload payload = echo::Payload::unique(64, 0xbad);
    Harness server{model_named(name), loopback()};
    server.serve_in_child([] { return script_calls({SYS_unshare}, std::vector<int>(16, EPERM)); });
    std::vector<Peer> served;
    for (std::uint32_t i = 0; i < 3; ++i) {
      served.emplace_back(server.where());
      EXPECT_TRUE(echoes(served.back(), payload, {i, 0})) << name;
    }
    EXPECT_EQ(server.counters().open(), 3U) << name;
    served.clear();
    EXPECT_TRUE(eventually([&] { return server.counters().open() == 0; })) << name;
  }
}

TEST(ForkFailure, ShedsOnlyConnectionsWithoutAProcess) {
  expect_to_shed_and_continue(model_named("fork-per-connection"), Shed::processes);
}

}  // namespace
}  // namespace conformance
