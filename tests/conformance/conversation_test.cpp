// Every model with a protocol that is not the echo (toy_protocol.hpp): turns, what follows them,
// and deadlines.
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "echo_async/models.hpp"
#include "echo_threads/models.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/conformance/toy_protocol.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// Far more than the buffers of a server with_small_send_buffers() and of a small peer.
constexpr std::uint32_t large = 1U << 20U;

class Conversation : public EveryModel {
 protected:
  Harness& serve_toy(const ToyProtocol::Options& toy = {},
                     const server::ServerOptions& options = loopback()) {
    toy_ = std::make_unique<ToyProtocol>(toy);
    Harness& server = listen(options);
    server.use_protocol(*toy_);
    server.serve();
    return server;
  }
  void TearDown() override {
    EveryModel::TearDown();
    toy_.reset();
  }

  /// Whether the answer is the next that arrives.
  static ::testing::AssertionResult answers(Peer& peer, std::uint32_t number) {
    const auto expected = answer(number);
    const auto got = peer.receive(number);
    if (got == expected) return ::testing::AssertionSuccess();
    const auto [at, unused] = std::mismatch(got.begin(), got.end(), expected.begin());
    return ::testing::AssertionFailure() << got.size() << " of " << number << " bytes, the first "
                                         << at - got.begin() << " are right";
  }
  static ::testing::AssertionResult asks(Peer& peer, char letter, std::uint32_t number) {
    if (!peer.send(request(letter, number))) return ::testing::AssertionFailure() << "cannot send";
    return answers(peer, number);
  }
  /// Whether FIN or RST has come, without a read.
  static bool has_ended(const Peer& peer) {
    pollfd entry{peer.fd(), POLLRDHUP, 0};
    return ::poll(&entry, 1, 0) > 0;
  }
  bool messages_become(std::uint64_t expected) {
    return eventually([&] { return server().counters().messages() == expected; });
  }

 private:
  std::unique_ptr<ToyProtocol> toy_;
};

INSTANTIATE_TEST_SUITE_P(echo_threads, Conversation, ::testing::ValuesIn(echo_threads::models()),
                         name_of_model);
INSTANTIATE_TEST_SUITE_P(echo_async, Conversation, ::testing::ValuesIn(echo_async::models()),
                         name_of_model);

std::vector<std::byte> all_of(std::initializer_list<std::vector<std::byte>> each) {
  return requests(std::span(each.begin(), each.size()));
}

TEST_P(Conversation, AnswersTheRequestsOfOneReadInOrderAndCountsEach) {
  Harness& server = serve_toy();
  Peer peer = connect();
  ASSERT_TRUE(peer.send(all_of(
      {request('R', 3), request('R', 0), request('R', 700), request('R', 5000), request('R', 1)})));
  for (const std::uint32_t number : {3U, 0U, 700U, 5000U, 1U}) EXPECT_TRUE(answers(peer, number));
  EXPECT_TRUE(messages_become(5));
  EXPECT_EQ(server.counters().bytes(), 5704U);
}

TEST_P(Conversation, AnswersARequestThatComesInManyReads) {
  server::ServerOptions options = loopback();
  options.buffer_size = 1;
  serve_toy({.turn_size = 1}, options);
  Peer peer = connect();
  EXPECT_TRUE(asks(peer, 'R', 300));
  ASSERT_TRUE(peer.send(request('U', 300)));
  ASSERT_TRUE(peer.send(std::vector<std::byte>(300)));
  EXPECT_TRUE(answers(peer, 1));
  EXPECT_TRUE(messages_become(2));
}

TEST_P(Conversation, SendsAnAnswerLargerThanAllBuffersToAPeerThatReadsLate) {
  Harness& server = serve_toy({}, with_small_send_buffers());
  Peer peer = connect(Buffers::small);
  std::vector<std::vector<std::byte>> later;
  for (std::uint32_t i = 0; i < 100; ++i) later.push_back(request('R', i));
  ASSERT_TRUE(peer.send(request('R', large)));
  ASSERT_TRUE(eventually([&] { return server.counters().bytes() > 0; }));
  ASSERT_TRUE(peer.send(requests(later)));  // these wait until the first answer is sent
  ::poll(nullptr, 0, 20);
  EXPECT_LT(server.counters().bytes(), large);
  EXPECT_EQ(server.counters().messages(), 0U);
  EXPECT_TRUE(answers(peer, large));
  for (std::uint32_t i = 0; i < 100; ++i) ASSERT_TRUE(answers(peer, i));
  EXPECT_TRUE(messages_become(101));
}

// The memory of a turn is the thread's, and the toy overwrites it with each call.
TEST_P(Conversation, KeepsTheRestOfATurnWhileOthersAreServed) {
  serve_toy({}, with_small_send_buffers());
  std::vector<Peer> peers;
  constexpr std::uint32_t size = 100'000;
  for (std::uint32_t i = 0; i < at_once(8); ++i) {
    peers.push_back(connect(Buffers::small));
    ASSERT_TRUE(peers.back().send(request('R', size + i)));
  }
  constexpr std::size_t piece = 5000;
  std::vector<std::vector<std::byte>> got(peers.size());
  for (std::size_t have = 0; have < size; have += piece) {
    for (std::size_t i = 0; i < peers.size(); ++i) {
      const auto more = peers[i].receive(piece);
      got[i].insert(got[i].end(), more.begin(), more.end());
    }
  }
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    const auto rest = peers[i].receive(i);
    got[i].insert(got[i].end(), rest.begin(), rest.end());
    EXPECT_TRUE(got[i] == answer(size + i)) << i;
  }
}

TEST_P(Conversation, SleepsForEachMessageOfOneRead) {
  server::ServerOptions options = loopback();
  options.work = server::Work::parse("sleep:20ms");
  serve_toy({.one_message_a_turn = true}, options);
  std::vector<Peer> peers;
  const auto began = Clock::now();
  for (std::uint32_t i = 0; i < at_once(4); ++i) {
    peers.push_back(connect());
    ASSERT_TRUE(peers.back().send(
        all_of({request('R', 10 + i), request('R', 20 + i), request('R', 30 + i)})));
  }
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    for (const std::uint32_t number : {10U, 20U, 30U}) EXPECT_TRUE(answers(peers[i], number + i));
  }
  EXPECT_GE(Clock::now() - began, 60ms);
  EXPECT_TRUE(messages_become(3 * peers.size()));
}

// With a close in its place the unread bytes would make the kernel send RST.
TEST_P(Conversation, LingersWhileThePeerStillSends) {
  Harness& server = serve_toy({}, with_small_send_buffers());
  Peer peer = connect(Buffers::small);
  ASSERT_TRUE(peer.send(request('L', large / 4)));
  ASSERT_TRUE(peer.send(std::vector<std::byte>(1000)));
  ASSERT_TRUE(answers(peer, large / 4));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(peer.send(std::vector<std::byte>(5000)));
  EXPECT_EQ(peer.end(), End::fin);
  ASSERT_TRUE(peer.send(std::vector<std::byte>(5000)));
  EXPECT_TRUE(eventually([&] { return peer.unacknowledged() == 0; }));
  EXPECT_EQ(server.counters().open(), 1U) << "until the peer's FIN";
  peer.half_close();
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().messages(), 1U);
  EXPECT_EQ(server.counters().bytes(), large / 4);
}

TEST_P(Conversation, LingersUntilTheDeadlineAndNoLonger) {
  constexpr auto time = 150ms;
  Harness& server = serve_toy({.linger_timeout = time});
  Peer peer = connect();
  const auto began = Clock::now();
  ASSERT_TRUE(asks(peer, 'L', 10));
  EXPECT_EQ(peer.end(), End::fin);
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(peer.send(std::vector<std::byte>(1)));
    return server.counters().open() == 0;
  }));
  EXPECT_GE(Clock::now() - began, time);
  EXPECT_EQ(server.counters().timed_out_count(), 0U);
}

TEST_P(Conversation, ClosesAndResetsAfterATurn) {
  Harness& server = serve_toy();
  {
    Peer peer = connect();
    EXPECT_TRUE(asks(peer, 'C', 3000));
    EXPECT_EQ(peer.end(), End::fin);
    EXPECT_TRUE(open_becomes(0)) << "although the peer does not close";
  }
  Peer peer = connect();
  ASSERT_TRUE(peer.send(request('X', 10)));
  EXPECT_EQ(peer.end(), End::reset);
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().bytes(), 3010U);
}

// The peer does not read until the end. Of one size or another, the answer's end is then still in
// the send queue of the server.
TEST_P(Conversation, DoesNotCountWhatAResetDestroysInTheSendQueue) {
  Harness& server = serve_toy({}, with_small_send_buffers());
  constexpr std::uint64_t segments = 4096;  // that the kernel sends after the look at its queue
  std::uint64_t counted_before = 0;
  bool is_too_long = false;  // for all buffers: a peer that does not read would stop the server
  for (std::uint32_t size = 24'000; size < 32'000 && !is_too_long; size += 500) {
    Peer peer = connect(Buffers::small);
    ASSERT_TRUE(peer.send(request('X', size)));
    is_too_long = !eventually([&] { return has_ended(peer); }, 200ms);
    const std::uint64_t received = peer.receive(size).size();
    ASSERT_TRUE(open_becomes(0));
    const std::uint64_t counted = server.counters().bytes() - counted_before;
    counted_before += counted;
    ASSERT_LE(counted, received) << size;
    ASSERT_LE(received - counted, segments) << size;
  }
}

TEST_P(Conversation, EndsARequestAtItsDeadlineWhileItsBytesTrickleIn) {
  constexpr auto time = 150ms;
  Harness& server = serve_toy({.request_timeout = time});
  Peer peer = connect();
  ASSERT_TRUE(asks(peer, 'R', 10));
  const auto began = Clock::now();
  ASSERT_TRUE(peer.send(request('U', 1U << 30U)));
  pollfd answered{peer.fd(), POLLIN, 0};
  EXPECT_TRUE(eventually([&] {
    static_cast<void>(peer.send(std::vector<std::byte>(1)));
    return ::poll(&answered, 1, 10) == 1;
  }));
  EXPECT_GE(Clock::now() - began, time);
  EXPECT_EQ(peer.receive(1), std::vector{too_late});
  EXPECT_EQ(peer.end(), End::fin);
  peer.close();
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().messages(), 1U);
}

TEST_P(Conversation, HasNoDeadlineAtRest) {
  constexpr auto time = 60ms;
  serve_toy({.request_timeout = time, .answer_timeout = 20s, .linger_timeout = {}});
  Peer peer = connect();
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(asks(peer, 'R', 10));
    ::poll(nullptr, 0, 150);
  }
  EXPECT_TRUE(asks(peer, 'R', 10));
}

TEST_P(Conversation, IsNotIdleInTheMiddleOfARequest) {
  server::ServerOptions options = loopback();
  options.socket.idle_timeout = 250ms;
  constexpr auto time = 450ms;
  Harness& server = serve_toy({.request_timeout = time}, options);
  Peer peer = connect();
  const auto began = Clock::now();
  ASSERT_TRUE(peer.send(request('U', 10)));
  EXPECT_EQ(peer.receive(1), std::vector{too_late}) << "and not closed before";
  EXPECT_GE(Clock::now() - began, time);
  EXPECT_EQ(server.counters().timed_out_count(), 0U);
}

TEST_P(Conversation, ClosesAtTheDeadlineAPeerThatDoesNotRead) {
  Harness& server = serve_toy({.answer_timeout = 150ms}, with_small_send_buffers());
  Peer peer = connect(Buffers::small);
  ASSERT_TRUE(peer.send(request('R', large)));
  EXPECT_TRUE(eventually([&] { return server.counters().timed_out_count() == 1; }));
  EXPECT_TRUE(open_becomes(0));
  EXPECT_EQ(server.counters().messages(), 0U);
}

TEST_P(Conversation, DrainsWithARequestInPartAndALingeringPeer) {
  Harness& server = serve_toy();
  Peer partly = connect();
  ASSERT_TRUE(partly.send(all_of({request('R', 5), request('U', 10)})));
  EXPECT_TRUE(answers(partly, 5));
  std::vector<Peer> lingering;
  if (at_once(2) == 2) {
    lingering.push_back(connect());
    ASSERT_TRUE(asks(lingering.front(), 'L', 10));
    EXPECT_EQ(lingering.front().end(), End::fin);
  }
  server.drain();
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(partly.end(), End::fin);
  EXPECT_EQ(server.counters().open(), 0U);
}

TEST_P(Conversation, SendsAllOfAnAnswerInADrain) {
  Harness& server = serve_toy({}, with_small_send_buffers());
  Peer late = connect(Buffers::small);
  ASSERT_TRUE(late.send(request('R', large)));
  ASSERT_TRUE(eventually([&] { return server.counters().bytes() > 0; }));
  server.drain();
  EXPECT_TRUE(answers(late, large));
  EXPECT_EQ(late.end(), End::fin);
  EXPECT_TRUE(server.ends_within(patience));
}

TEST_P(Conversation, EndsALingeringPeerWhenTheStopIsForced) {
  Harness& server = serve_toy();
  Peer peer = connect();
  ASSERT_TRUE(asks(peer, 'L', 10));
  EXPECT_EQ(peer.end(), End::fin);
  server.force();
  server.drain();
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().open(), 1U);
}

TEST_P(Conversation, EndsOnlyTheConnectionOfAnException) {
  Harness& server = serve_toy();
  std::vector<Peer> peers;
  for (std::uint32_t i = 0; i < at_once(3); ++i) {
    peers.push_back(connect());
    EXPECT_TRUE(asks(peers.back(), 'R', 10 + i));
  }
  ASSERT_TRUE(peers.front().send(request('T', 0)));
  EXPECT_NE(peers.front().end(), End::silence);
  EXPECT_TRUE(open_becomes(peers.size() - 1));
  Peer next = connect();
  EXPECT_TRUE(asks(next, 'G', 1000));  // all that it sent before
  EXPECT_NE(next.end(), End::silence);
  EXPECT_TRUE(open_becomes(peers.size() - 1));
  for (std::uint32_t i = 1; i < peers.size(); ++i) EXPECT_TRUE(asks(peers[i], 'R', 20 + i));
  EXPECT_TRUE(
      eventually([&] { return server.counters().shed_count(server::Shed::exception) == 2U; }));
}

// What is thrown leaves the others of the drain, and the drain itself, as they were.
TEST_P(Conversation, EndsInADrainOnlyTheConnectionOfAnException) {
  Harness& server = serve_toy({}, with_small_send_buffers());
  Peer throwing = connect(Buffers::small);
  ASSERT_TRUE(throwing.send(all_of({request('R', large), request('G', 10)})));
  std::vector<Peer> late;
  for (std::uint32_t i = 1; i < at_once(3); ++i) {
    late.push_back(connect(Buffers::small));
    ASSERT_TRUE(late.back().send(request('R', large + i)));
  }
  ASSERT_TRUE(open_becomes(1 + late.size()));
  ASSERT_TRUE(eventually([&] { return server.counters().bytes() > 0; }));
  server.drain();
  EXPECT_TRUE(answers(throwing, large));
  EXPECT_TRUE(answers(throwing, 10));  // and the turn after it throws
  EXPECT_NE(throwing.end(), End::silence);
  for (std::uint32_t i = 0; i < late.size(); ++i) {
    EXPECT_TRUE(answers(late[i], large + i + 1));
    EXPECT_EQ(late[i].end(), End::fin);
  }
  EXPECT_TRUE(server.ends_within(patience));
  EXPECT_EQ(server.counters().shed_count(server::Shed::exception), 1U);
}

}  // namespace
}  // namespace conformance
