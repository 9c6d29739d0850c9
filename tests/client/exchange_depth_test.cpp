// Several messages in flight, of fixed and varied sizes: sent in one or several pieces, and
// separated again.
#include <algorithm>

#include "tests/client/exchange_fixture.hpp"

namespace client {
namespace {

using fixtures::Bytes;
using fixtures::ExchangeTest;

TEST_F(ExchangeTest, SendsSeveralMessagesTogetherAndVerifiesThemInOneChunk) {
  const Bytes bytes = sent(5);
  EXPECT_EQ(bytes, messages(0, 4)) << "one after the other";
  answer(bytes);
  expect_waiting(look(), 5);
  EXPECT_EQ(connection_.in_flight(), 0U);
}

TEST_F(ExchangeTest, SeparatesMessagesInChunksOfAnySize) {
  for (const std::size_t chunk : {1U, 3U, 63U, 65U, 127U, 128U, 200U}) {
    SetUp();
    const Bytes bytes = sent(7);
    std::uint32_t echoes = 0;
    for (std::size_t from = 0; from < bytes.size(); from += chunk) {
      answer(std::span(bytes).subspan(from, std::min(chunk, bytes.size() - from)));
      const IoResult io = look();
      EXPECT_EQ(io.kind, IoResult::Kind::waiting) << "chunks of " << chunk;
      echoes += io.echoes;
      EXPECT_EQ(connection_.echoed, std::min(from + chunk, bytes.size()) / 64)
          << "counted as soon as complete";
    }
    EXPECT_EQ(echoes, 7U) << "chunks of " << chunk;
  }
}

// A peer that sends as fast as this end reads would otherwise keep the loop from all others.
TEST_F(ExchangeTest, ReadsOnceThoughMoreHasCome) {
  const Bytes bytes = sent(1'500);
  answer(bytes);
  const IoResult first = look();
  expect_waiting(first, 1'024);
  EXPECT_TRUE(first.more);
  expect_waiting(look(), 476);
}

TEST_F(ExchangeTest, ReadsOnceThoughNoMessageIsComplete) {
  const Bytes whole = [] {
    const echo::Payload payload = echo::Payload::unique(200'000, 7);
    Bytes bytes(200'000);
    payload.fill({me, 0}, 0, bytes);
    return bytes;
  }();
  const MessageSizes sizes{200'000};
  const echo::Payload payload = echo::Payload::unique(200'000, 7);
  KernelTransport<EchoExchange> transport{EchoExchange{payload, sizes}};
  connection_.begun = connection_.writing = 1;
  answer(std::span(whole).first(130'000));
  const IoResult first = transport.receive(connection_, false);
  expect_waiting(first, 0);
  EXPECT_TRUE(first.more);
  EXPECT_EQ(connection_.received, 65'536U);
}

TEST_F(ExchangeTest, AChangedByteInALaterMessageLeavesTheEarlierOnesCounted) {
  Bytes bytes = sent(5);
  bytes[3 * 64 + 9] ^= std::byte{1};
  answer(bytes);
  expect_failed(look(), Outcome::mismatch, 3);
  EXPECT_EQ(connection_.echoed, 3U);
  EXPECT_EQ(transport_.mismatch()->offset, 9U) << "within its message";
}

TEST_F(ExchangeTest, EchoesInTheWrongOrderAreForeign) {
  sent(2);
  answer(message({me, 1}));
  expect_failed(look(), Outcome::foreign);
  EXPECT_EQ(*transport_.mismatch()->owner, (echo::MessageId{me, 1}));
}

class VariedExchangeTest : public ExchangeTest {
 protected:
  VariedExchangeTest() : ExchangeTest("1-300") { sizes_.set_seed(11); }
};

TEST_F(VariedExchangeTest, EachMessageHasItsOwnSizeAtBothEnds) {
  const Bytes bytes = sent(100);
  EXPECT_EQ(bytes, messages(0, 99));
  EXPECT_NE(transport_.verified_bytes(connection_, 0), transport_.verified_bytes(connection_, 1))
      << "otherwise this test checks nothing";
  std::uint32_t echoes = 0;
  for (std::size_t from = 0; from < bytes.size(); from += 97) {
    answer(std::span(bytes).subspan(from, std::min<std::size_t>(97, bytes.size() - from)));
    const IoResult io = look();
    ASSERT_EQ(io.kind, IoResult::Kind::waiting) << "at byte " << from;
    echoes += io.echoes;
  }
  EXPECT_EQ(echoes, 100U);
}

TEST_F(VariedExchangeTest, OneByteTooManyIsExtraForVariedSizesToo) {
  Bytes bytes = sent(10);
  bytes.push_back(std::byte{0});
  answer(bytes);
  expect_failed(look(), Outcome::extra, 10);
}

/// Moves bytes in both directions until `count` messages are echoed; the peer receives and sends at
/// most `chunk` bytes per call.
void ping_pong(Transport& transport, Connection& connection, int peer, std::uint32_t count,
               std::size_t chunk) {
  std::vector<std::byte> passing(chunk);
  std::size_t given = 0;
  std::size_t taken = 0;
  connection.begun = count;
  for (int round = 0; round < 1'000'000 && connection.echoed < count; ++round) {
    ASSERT_EQ(transport.send_more(connection).kind, IoResult::Kind::waiting);
    if (given == taken) {
      const ssize_t got = ::recv(peer, passing.data(), passing.size(), 0);
      taken = got > 0 ? static_cast<std::size_t>(got) : 0;
      given = 0;
    }
    if (given < taken) {
      const ssize_t put = ::send(peer, passing.data() + given, taken - given, MSG_NOSIGNAL);
      if (put > 0) given += static_cast<std::size_t>(put);
    }
    IoResult io;
    do {
      io = transport.receive(connection, false);
      ASSERT_EQ(io.kind, IoResult::Kind::waiting) << name_of(io.outcome);
    } while (io.more);
  }
  EXPECT_EQ(connection.echoed, count);
}

class LargeExchangeTest : public ExchangeTest {
 protected:
  LargeExchangeTest() : ExchangeTest("4M") {}
};

TEST_F(LargeExchangeTest, ReadsWhileItWritesAMessageLargerThanTheBuffers) {
  connection_.begun = 1;
  ASSERT_EQ(transport_.send_more(connection_).kind, IoResult::Kind::waiting);
  ASSERT_EQ(connection_.writing, 0U) << "otherwise this test checks nothing";
  ASSERT_GT(connection_.written, 0U);
  ping_pong(transport_, connection_, theirs_.get(), 1, 64U << 10U);
}

class PartialWriteTest : public ExchangeTest {
 protected:
  PartialWriteTest() : ExchangeTest("1:3,700:2,20000-90000:1") { sizes_.set_seed(5); }
};

TEST_F(PartialWriteTest, StopsWithinAnyMessageAndContinuesThere) {
  // Small buffers at both ends: each send takes a part of the begun messages and ends at any byte.
  const int small = 8 << 10;
  for (const int fd : {ours_.get(), theirs_.get()}) {
    ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  }
  connection_.begun = 60;
  ASSERT_EQ(transport_.send_more(connection_).kind, IoResult::Kind::waiting);
  ASSERT_LT(connection_.writing, 60U) << "otherwise this test checks nothing";
  ping_pong(transport_, connection_, theirs_.get(), 60, 1'000);
}

}  // namespace
}  // namespace client
