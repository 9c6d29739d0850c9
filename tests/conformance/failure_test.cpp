// Failures within a server: accept(2) fails, a thread or process cannot be started, an exception.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/conformance/call_script.hpp"
#include "tests/conformance/every_model.hpp"

namespace conformance {
namespace {

using server::Shed;

/// Echoes, and throws when it receives a single exclamation mark.
class ThrowingProtocol final : public protocol::Protocol {
 public:
  [[nodiscard]] std::string_view name() const override { return "throwing"; }
  [[nodiscard]] protocol::Turn on_received(protocol::ConversationSlot& /*slot*/,
                                           std::span<std::byte> got,
                                           std::span<std::byte> /*spare*/) const override {
    if (got.size() == 1 && got[0] == trigger) throw std::runtime_error("of the test");
    return {got, 1, protocol::After::read};
  }
  [[nodiscard]] protocol::Turn go_on(protocol::ConversationSlot& /*slot*/) const override {
    return {};
  }
  [[nodiscard]] protocol::Turn on_time(protocol::ConversationSlot& /*slot*/) const override {
    return {};
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
}

// Bug: ENOMEM and ENOBUFS counted as a shed connection, which was then accepted and served.
TEST_P(EveryModel, CountsNoConnectionAsShedThatIsAcceptedLater) {
  if (GetParam()->name == "io-uring") GTEST_SKIP() << "accepts without a system call";
  for (const int error : {ENOMEM, ENOBUFS}) {
    CallFaults faults;
    faults.fail_next(3);
    Harness server{*GetParam(), loopback()};
    server.serve_in_child([&] {
      return faults.install({{SYS_accept, error, {}}, {SYS_accept4, error, {}}});
    });
    Peer peer{server.where()};
    EXPECT_TRUE(echoes(peer, payload_, {0, 0}));
    EXPECT_EQ(faults.failed(), 3U);
    EXPECT_EQ(server.counters().accepted(), 1U);
    for (std::size_t i = 0; i < server::shed_causes; ++i)
      EXPECT_EQ(server.counters().shed_count(static_cast<Shed>(i)), 0U);
    peer.close();
    EXPECT_TRUE(server.stop());
  }
}

// Bug: where the kernel took no request of a full ring, the server tried for ever, deaf to signals.
TEST(Ring, ThatFailsForEverEndsTheServer) {
  const echo::Payload payload = echo::Payload::unique(64, 1);
  for (const int error : {EBUSY, EAGAIN}) {
    CallFaults faults;
    Harness server{model_named("io-uring"), loopback()};
    server.serve_in_child([&] { return faults.install({{SYS_io_uring_enter, error, {}}}); });
    Peer peer{server.where()};
    EXPECT_TRUE(echoes(peer, payload, {0, 0}));
    faults.fail_next(CallFaults::for_ever);
    server.drain();
    server.force();
    EXPECT_TRUE(peer.send(message(payload, {0, 1})));
    EXPECT_TRUE(server.ends_within(patience));
    EXPECT_EQ(server.complaint(), "child ended with 256") << "exit code 1: serving threw";
  }
}

// Bug: where accept(2) failed for each connection, the loops that retry it never returned, and two
// SIGTERMs had no effect.
TEST_P(EveryModel, StopsWhileEachAcceptFails) {
  if (GetParam()->name == "io-uring") GTEST_SKIP() << "accepts without a system call";
  for (const int error : {EPERM, ECONNABORTED, EACCES}) {
    CallFaults faults;
    faults.fail_next(CallFaults::for_ever);
    Harness server{*GetParam(), loopback()};
    server.serve_in_child([&] {
      return faults.install({{SYS_accept, error, {}}, {SYS_accept4, error, {}}});
    });
    const Peer waiting{server.where()};
    EXPECT_TRUE(eventually([&] { return faults.failed() > 0; })) << std::strerror(error);
    server.drain();
    EXPECT_TRUE(server.ends_within(patience)) << std::strerror(error);
    EXPECT_EQ(server.complaint(), "") << std::strerror(error);
  }
}

bool adds_to_epoll(const seccomp_data& call) {
  return call.args[1] == EPOLL_CTL_ADD;
}

bool is_connected(std::uint64_t fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::getpeername(static_cast<int>(fd), reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

bool is_listener(std::uint64_t fd) {
  int listens = 0;
  socklen_t size = sizeof listens;
  return ::getsockopt(static_cast<int>(fd), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 &&
         listens != 0;
}

// Bug: with fs.epoll.max_user_watches used up, Asio's models ended at the next connection, and all
// that they served with them.
TEST_P(EveryModel, ShedsOnlyTheConnectionsThatNoEpollCanWatch) {
  CallFaults faults;
  Harness& server = listen();
  server.serve_in_child([&] {
    return faults.install({{SYS_epoll_ctl, ENOSPC, [](const seccomp_data& call) {
                              return adds_to_epoll(call) && is_connected(call.args[2]);
                            }}});
  });
  std::vector<Peer> served = connect_served(at_once(3));
  faults.fail_next(3);
  std::uint64_t ended = 0;
  std::uint32_t tries = 0;
  EXPECT_TRUE(eventually([&] {
    if (at_once(1000) == served.size()) return true;  // another one would wait in the queue
    Peer peer = connect();
    const bool echoed = static_cast<bool>(echoes(peer, payload_, {tries++, 0}));
    if (!echoed) ++ended;
    return echoed && tries > 10;
  }));
  const auto& counters = server.counters();
  std::uint64_t shed = 0;
  for (std::size_t i = 0; i < server::shed_causes; ++i)
    shed += counters.shed_count(static_cast<Shed>(i));
  EXPECT_EQ(ended, shed) << "each is served, or closed and counted as shed";
  EXPECT_EQ(counters.shed_count(Shed::epoll_watches), shed);
  EXPECT_EQ(faults.failed(), shed);
  for (std::uint32_t i = 0; i < served.size(); ++i)
    EXPECT_TRUE(echoes(served[i], payload_, {i, 1}));
}

// Bug: an acceptor that had paused added its listener to the epoll again, and ended the server
// where that failed.
TEST_P(EveryModel, AcceptsAgainAfterAPauseWhereNoEpollCouldWatchItsListenerAgain) {
  if (GetParam()->name == "io-uring") GTEST_SKIP() << "accepts without a system call";
  CallFaults faults;
  Harness& server = listen();
  server.serve_in_child([&] {
    const auto added = std::make_shared<std::set<std::pair<std::uint64_t, std::uint64_t>>>();
    const auto adds_listener_again = [added](const seccomp_data& call) {
      return adds_to_epoll(call) && is_listener(call.args[2]) &&
             !added->emplace(call.args[0], call.args[2]).second;
    };
    return faults.install({{SYS_accept, ENOMEM, {}},
                           {SYS_accept4, ENOMEM, {}},
                           {SYS_epoll_ctl, ENOSPC, adds_listener_again}});
  });
  std::vector<Peer> served = connect_served(at_once(2) - 1);
  faults.fail_next(4);
  // Repeated: the first may be accepted by a call that had begun before.
  EXPECT_TRUE(eventually([&] {
    Peer next = connect();
    return echoes(next, payload_, {9, 0}) && faults.failed() > 0;
  }));
  EXPECT_TRUE(served.empty() || echoes(served.front(), payload_, {0, 1}));
}

// Bug: select ended the server, and other models a thread, when a wait failed for want of memory.
TEST_P(EveryModel, ContinuesAndStopsWhenWaitsFail) {
  CallFaults faults;
  Harness& server = listen();
  server.serve_in_child([&] {
    constexpr unsigned calls[] = {SYS_poll,         SYS_ppoll,         SYS_select,
                                  SYS_pselect6,     SYS_epoll_wait,    SYS_epoll_pwait,
                                  SYS_epoll_pwait2, SYS_io_uring_enter};
    std::vector<FailingCall> waits;
    for (const unsigned call : calls) waits.push_back({call, ENOMEM, {}});
    return faults.install(waits);
  });
  std::vector<Peer> served = connect_served(at_once(3));
  faults.fail_next(5);
  for (std::uint32_t round = 1; round < 3; ++round) {
    for (std::uint32_t i = 0; i < served.size(); ++i)
      EXPECT_TRUE(echoes(served[i], payload_, {i, round}));
  }
  if (at_once(4) == 4) {
    Peer next = connect();
    EXPECT_TRUE(echoes(next, payload_, {9, 0}));
    next.close();
    EXPECT_TRUE(eventually([&] { return faults.failed() > 0; }));
  }
  faults.fail_next(5);
  server.drain();
  EXPECT_TRUE(server.ends_within(patience));
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
  // Bug: fork-per-connection counted a connection as accepted and closed that it had shed.
  EXPECT_EQ(server.counters().accepted(), served.size()) << "what was shed is not accepted";
  EXPECT_TRUE(eventually([&] { return server.counters().open() == served.size(); }));
  for (Peer& peer : served) EXPECT_TRUE(echoes(peer, payload, {7, 7}));
  served.clear();
  EXPECT_TRUE(eventually([&] { return server.counters().open() == 0; }));
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

/// Expects a server that can start no thread or process at all to accept none.
void expect_to_accept_none(const server::Model& model, Shed cause, int calls_of_the_start) {
  Harness server{model, loopback()};
  std::vector<int> outcomes(static_cast<std::size_t>(calls_of_the_start), 0);
  outcomes.resize(outcomes.size() + 1000, EAGAIN);
  server.serve_in_child([&] {
    return script_calls({SYS_clone, SYS_clone3, SYS_fork, SYS_vfork}, outcomes);
  });
  constexpr std::uint64_t count = 14;
  for (std::uint64_t i = 0; i < count; ++i) ASSERT_NE(Peer{server.where()}.end(), End::silence);
  EXPECT_EQ(server.counters().shed_count(cause), count);
  EXPECT_EQ(server.counters().accepted(), 0U);
  EXPECT_EQ(server.counters().closed(), 0U);
  EXPECT_EQ(server.counters().max_open(), 0U);
}

TEST(ThreadFailure, CountsNoConnectionAsAcceptedWhereNoThreadCanBeStarted) {
  expect_to_accept_none(model_named("thread-per-connection"), Shed::threads, 0);
}

TEST(ForkFailure, CountsNoConnectionAsAcceptedWhereNoProcessCanBeForked) {
  expect_to_accept_none(model_named("fork-per-connection"), Shed::processes, 1);  // ForkServer's
}

TEST(ForkFailure, ShedsOnlyConnectionsWithoutAProcess) {
  expect_to_shed_and_continue(model_named("fork-per-connection"), Shed::processes);
}

}  // namespace
}  // namespace conformance
