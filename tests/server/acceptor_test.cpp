// Accepting: how to continue after each errno, how long to pause, connections closed to make room.
#include "server/acceptor.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <vector>

#include "echo/socket.hpp"
#include "tests/echo/in_child.hpp"

namespace server {
namespace {

using namespace std::chrono_literals;

TEST(AcceptAdvice, FollowsTheManualPage) {
  struct Case {
    int error;
    AcceptAdvice advice;
  };
  constexpr AcceptAdvice retry = AcceptAdvice::retry;
  constexpr Case cases[] = {{EAGAIN, AcceptAdvice::nothing_waits},
                            {EWOULDBLOCK, AcceptAdvice::nothing_waits},
                            {EINTR, retry},
                            {ECONNABORTED, retry},
                            // accept(2), "Error handling": pending network errors of the new
                            // socket, to be treated as EAGAIN
                            {ENETDOWN, retry},
                            {EPROTO, retry},
                            {ENOPROTOOPT, retry},
                            {EHOSTDOWN, retry},
                            {ENONET, retry},
                            {EHOSTUNREACH, retry},
                            {EOPNOTSUPP, retry},
                            {ENETUNREACH, retry},
                            {EPERM, retry},
                            {ETIMEDOUT, retry},
                            // of protocols and security modules
                            {EACCES, retry},
                            {ENOSR, retry},
                            {ESOCKTNOSUPPORT, retry},
                            {EMFILE, AcceptAdvice::shed},
                            {ENFILE, AcceptAdvice::shed},
                            {ENOBUFS, AcceptAdvice::back_off},
                            {ENOMEM, AcceptAdvice::back_off},
                            {EBADF, AcceptAdvice::fatal},
                            {EINVAL, AcceptAdvice::fatal},
                            {ENOTSOCK, AcceptAdvice::fatal},
                            {EFAULT, AcceptAdvice::fatal}};
  for (const Case& each : cases)
    EXPECT_EQ(advice_for(each.error), each.advice) << std::strerror(each.error);
}

TEST(BackOff, DoublesFromTenToFiveHundredMillisecondsAndBeginsAgainAfterASuccess) {
  BackOff back_off;
  for (int round = 0; round < 2; ++round) {
    for (const auto expected : {10ms, 20ms, 40ms, 80ms, 160ms, 320ms, 500ms, 500ms}) {
      EXPECT_EQ(back_off.next(), expected);
    }
    back_off.reset();
  }
}

TEST(BackOff, PausesOnceInAWhileAsLongAsEachAcceptFails) {
  BackOff back_off;
  const auto pauses = [&back_off](int failures) {
    int count = 0;
    for (int i = 0; i < failures; ++i) count += back_off.retries_at_once() ? 0 : 1;
    return count;
  };
  EXPECT_EQ(pauses(15), 0);
  EXPECT_EQ(pauses(1), 1);
  EXPECT_EQ(pauses(160), 10);
  EXPECT_EQ(pauses(15), 0);
  back_off.reset();
  EXPECT_EQ(pauses(15), 0) << "a success begins a new row";
}

TEST(Admit, CountsWhatIsBeyondTheLimit) {
  Counters counters{1};
  EXPECT_TRUE(admit(counters, 1'000'000, std::nullopt));
  EXPECT_TRUE(admit(counters, 2, 3));
  EXPECT_EQ(counters.shed_count(Shed::max_connections), 0U);
  EXPECT_FALSE(admit(counters, 3, 3));
  EXPECT_FALSE(admit(counters, 4, 3));
  EXPECT_EQ(counters.shed_count(Shed::max_connections), 2U);
}

/// A listener on a free port, and a way to connect to it without accepting.
struct TestListener {
  echo::Descriptor listener;
  echo::Endpoint where;

  TestListener()
      : listener(echo::listen_on(echo::resolve("127.0.0.1", 0).front(), 64, false)),
        where(echo::local_endpoint(listener.get())) {}
  [[nodiscard]] echo::Descriptor connect() const {
    echo::Descriptor peer{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (::connect(peer.get(), where.data(), where.size()) != 0) peer.reset();
    return peer;
  }
};

/// Whether the other end has closed within five seconds.
bool was_closed(const echo::Descriptor& peer) {
  pollfd entry{peer.get(), POLLIN, 0};
  char byte = 0;
  return ::poll(&entry, 1, 5000) == 1 && ::recv(peer.get(), &byte, 1, 0) <= 0;
}

TEST(ReserveDescriptor, ClosesAWaitingConnectionAndReturnsFalseWithoutOne) {
  const TestListener listening;
  ReserveDescriptor reserve;
  EXPECT_FALSE(reserve.shed_one(listening.listener.get()));
  const echo::Descriptor first = listening.connect();
  const echo::Descriptor second = listening.connect();
  EXPECT_TRUE(reserve.shed_one(listening.listener.get()));
  EXPECT_TRUE(reserve.shed_one(listening.listener.get()));
  EXPECT_FALSE(reserve.shed_one(listening.listener.get()));
  EXPECT_TRUE(was_closed(first));
  EXPECT_TRUE(was_closed(second));
}

TEST(ReserveDescriptor, ShedsABatchAndLeavesTheRestForLater) {
  const TestListener listening;
  Counters counters{1};
  ReserveDescriptor reserve;
  std::vector<echo::Descriptor> peers;
  for (int i = 0; i < 40; ++i) peers.push_back(listening.connect());
  reserve.shed_batch(listening.listener.get(), counters);
  const auto first = counters.shed_count(Shed::descriptors);
  EXPECT_GT(first, 1U);
  EXPECT_LT(first, 40U) << "connections in service wait until the batch ends";
  while (reserve.shed_batch(listening.listener.get(), counters)) {
  }
  EXPECT_EQ(counters.shed_count(Shed::descriptors), 40U);
}

TEST(Acceptor, AcceptsAWaitingConnectionAndThenNone) {
  const TestListener listening;
  Counters counters{1};
  Acceptor acceptor{listening.listener.get(), counters, std::nullopt, true};
  EXPECT_FALSE(acceptor.accept(0));
  const echo::Descriptor peer = listening.connect();
  const echo::Descriptor served = acceptor.accept(0);
  ASSERT_TRUE(served);
  EXPECT_FALSE(acceptor.accept(1));
  EXPECT_FALSE(acceptor.paused_until());
}

TEST(Acceptor, ClosesConnectionsBeyondMaxConnections) {
  const TestListener listening;
  Counters counters{1};
  Acceptor acceptor{listening.listener.get(), counters, 1, true};
  const echo::Descriptor peer = listening.connect();
  EXPECT_FALSE(acceptor.accept(1));
  EXPECT_TRUE(was_closed(peer));
  EXPECT_EQ(counters.shed_count(Shed::max_connections), 1U);
}

TEST(Acceptor, ReturnsAfterABatchOfConnectionsBeyondMaxConnections) {
  const TestListener listening;
  Counters counters{1};
  Acceptor acceptor{listening.listener.get(), counters, 1, true};
  std::vector<echo::Descriptor> peers;
  for (int i = 0; i < 65; ++i) peers.push_back(listening.connect());
  EXPECT_FALSE(acceptor.accept(1));
  EXPECT_LT(counters.shed_count(Shed::max_connections), 65U) << "the caller never sees its stop";
  EXPECT_FALSE(acceptor.paused_until());
  EXPECT_FALSE(acceptor.accept(1));
  EXPECT_EQ(counters.shed_count(Shed::max_connections), 65U);
}

TEST(Acceptor, ThrowsOnAnErrorOfTheProgram) {
  Counters counters{1};
  Acceptor acceptor{-1, counters, std::nullopt, true};
  EXPECT_THROW(acceptor.accept(0), std::system_error);
}

TEST(Acceptor, ShedsAtTheDescriptorLimitPausesAndRecovers) {
  const int failed_step = echo::fixtures::in_child([] {
    const TestListener listening;
    Counters counters{1};
    Acceptor acceptor{listening.listener.get(), counters, std::nullopt, true};
    echo::Descriptor peer = listening.connect();
    const echo::Descriptor last{::dup(0)};
    const rlimit full{static_cast<rlim_t>(last.get()) + 1, static_cast<rlim_t>(last.get()) + 1};
    if (::setrlimit(RLIMIT_NOFILE, &full) != 0) return 1;

    if (acceptor.accept(0)) return 2;
    if (counters.shed_count(Shed::descriptors) != 1) return 3;
    if (!was_closed(peer)) return 4;
    if (!acceptor.paused_until()) return 5;

    peer.reset();  // one descriptor is free: half of what a connection needs in this process
    const echo::Descriptor next{::socket(AF_INET, SOCK_STREAM, 0)};
    if (::connect(next.get(), listening.where.data(), listening.where.size()) != 0) return 6;
    if (acceptor.accept(0)) return 7;  // still paused: nothing is shed during a pause
    if (counters.shed_count(Shed::descriptors) != 1) return 8;
    ::close(0);
    while (Acceptor::Clock::now() < *acceptor.paused_until()) ::poll(nullptr, 0, 1);
    if (!acceptor.accept(0)) return 9;
    return acceptor.paused_until() ? 10 : 0;
  });
  EXPECT_EQ(failed_step, 0);
}

}  // namespace
}  // namespace server
