// Messages and their echoes over a socket pair: every way in which the bytes can come back.
#include "client/exchange.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "echo/descriptor.hpp"

namespace client {
namespace {

using Bytes = std::vector<std::byte>;

class ExchangeTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t me = 3;

  explicit ExchangeTest(std::string_view sizes = "64")
      : sizes_(MessageSizes::parse(sizes)),
        payload_(echo::Payload::unique(sizes_.largest(), 7)),
        exchange_(payload_, sizes_) {}
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    theirs_.reset(ends[1]);
    session_ = Session{};
    session_.fd = ends[0];
    session_.connection = me;
    session_.state = State::standing;
  }
  Bytes message(echo::MessageId id) const {
    Bytes bytes(sizes_.of(id));
    payload_.fill(id, 0, bytes);
    return bytes;
  }
  /// Messages `first` to `last` of this session, one behind the other.
  Bytes messages(std::uint32_t first, std::uint32_t last) const {
    Bytes all;
    for (std::uint32_t number = first; number <= last; ++number) {
      const Bytes one = message({me, number});
      all.insert(all.end(), one.begin(), one.end());
    }
    return all;
  }
  /// What lies at the peer now, up to `most`.
  Bytes arrived(std::size_t most = 1U << 20U) const {
    Bytes bytes(most);
    const ssize_t count = ::recv(theirs_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  void answer(std::span<const std::byte> bytes) const {
    ASSERT_EQ(::send(theirs_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Begins `count` more messages, sends them, and lets the peer take them.
  Bytes sent(std::uint32_t count = 1) {
    session_.begun += count;
    EXPECT_EQ(exchange_.send_more(session_).kind, Step::Kind::waiting);
    return arrived();
  }
  Step look(bool until_eof = false) { return exchange_.receive(session_, until_eof); }
  static void expect_waiting(const Step& step, std::uint32_t echoes) {
    EXPECT_EQ(step.kind, Step::Kind::waiting);
    EXPECT_EQ(step.echoes, echoes);
  }
  static void expect_failed(const Step& step, Outcome outcome, std::uint32_t echoes = 0) {
    EXPECT_EQ(step.kind, Step::Kind::failed);
    EXPECT_EQ(name_of(step.outcome), name_of(outcome));
    EXPECT_EQ(step.echoes, echoes) << "good echoes before the failure stay counted";
  }

  MessageSizes sizes_;
  echo::Payload payload_;
  Exchange exchange_;
  echo::Descriptor ours_, theirs_;
  Session session_;
};

TEST_F(ExchangeTest, SendsTheMessageOfTheSession) {
  session_.begun = session_.echoed = session_.writing = 5;
  EXPECT_EQ(sent(), message({me, 5}));
  EXPECT_EQ(session_.writing, 6U);
  EXPECT_EQ(session_.written, 0U);
}

TEST_F(ExchangeTest, SendsNothingThatWasNotBegun) {
  EXPECT_EQ(sent(0), Bytes{});
  EXPECT_EQ(session_.writing, 0U);
}

TEST_F(ExchangeTest, PutsSingleBytesTogether) {
  const Bytes bytes = sent();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    answer(std::span(bytes).subspan(i, 1));
    expect_waiting(look(), i + 1 < bytes.size() ? 0 : 1);
  }
  EXPECT_EQ(session_.echoed, 1U);
  EXPECT_EQ(session_.in_flight(), 0U);
}

TEST_F(ExchangeTest, WaitsWhenNothingHasCome) {
  sent();
  expect_waiting(look(), 0);
}

TEST_F(ExchangeTest, NamesAChangedByte) {
  Bytes bytes = sent();
  const std::byte right = bytes[41];
  bytes[41] ^= std::byte{0x10};
  answer(bytes);
  expect_failed(look(), Outcome::mismatch);
  ASSERT_TRUE(exchange_.mismatch());
  EXPECT_EQ(exchange_.mismatch()->offset, 41U);
  EXPECT_EQ(exchange_.mismatch()->expected, right);
  EXPECT_EQ(exchange_.mismatch()->got, right ^ std::byte{0x10});
}

TEST_F(ExchangeTest, NamesTheOwnerOfForeignBytes) {
  sent();
  answer(message({8, 2}));
  expect_failed(look(), Outcome::foreign);
  ASSERT_TRUE(exchange_.mismatch() && exchange_.mismatch()->owner);
  EXPECT_EQ(*exchange_.mismatch()->owner, (echo::MessageId{8, 2}));
}

TEST_F(ExchangeTest, TakesTheEchoOfAnEarlierMessageForForeign) {
  answer(sent());
  expect_waiting(look(), 1);
  sent();
  answer(message({me, 0}));
  expect_failed(look(), Outcome::foreign);
}

TEST_F(ExchangeTest, BytesPastTheEchoAreExtraAndTheEchoCounts) {
  Bytes bytes = sent();
  bytes.push_back(std::byte{'x'});
  answer(bytes);
  expect_failed(look(), Outcome::extra, 1);
  EXPECT_EQ(session_.echoed, 1U);
}

TEST_F(ExchangeTest, BytesWithNoMessageInFlightAreExtra) {
  for (const State state : {State::standing, State::draining}) {
    session_.state = state;
    answer(Bytes{std::byte{'x'}});
    expect_failed(look(), Outcome::extra);
  }
}

TEST_F(ExchangeTest, BytesThatWereNotSentYetAreExtra) {
  sent();
  session_.writing = 0;  // as if the socket buffer had taken ten bytes, and no more
  session_.written = 10;
  const Bytes whole = message({me, 0});
  answer(std::span(whole).first(10));
  expect_waiting(look(), 0);
  answer(std::span(whole).subspan(10, 1));
  expect_failed(look(), Outcome::extra);
}

TEST_F(ExchangeTest, AFinTellsHowMuchHadCome) {
  struct Row {
    std::size_t before;
    Outcome outcome;
  };
  for (const Row row :
       {Row{0, Outcome::closed_early}, Row{1, Outcome::short_echo}, Row{63, Outcome::short_echo}}) {
    SetUp();
    const Bytes bytes = sent();
    answer(std::span(bytes).first(row.before));
    theirs_.reset();
    Step step = look(true);
    while (step.kind == Step::Kind::waiting && step.more) step = look(true);
    expect_failed(step, row.outcome);
  }
}

TEST_F(ExchangeTest, AFinBehindAWholeEchoIsTheNextLooksBusiness) {
  answer(sent());
  theirs_.reset();
  const Step step = look(true);
  expect_waiting(step, 1);
  EXPECT_TRUE(step.more) << "which it asks for";
  EXPECT_EQ(look(true).kind, Step::Kind::eof);
}

TEST_F(ExchangeTest, AFinBetweenTwoMessagesInFlightIsTooEarlyForTheSecond) {
  sent(2);
  answer(message({me, 0}));
  theirs_.reset();
  expect_waiting(look(true), 1);
  expect_failed(look(true), Outcome::closed_early);
}

TEST_F(ExchangeTest, AResetComesWithItsErrno) {
  session_.begun = 1;
  ASSERT_EQ(exchange_.send_more(session_).kind, Step::Kind::waiting);
  theirs_.reset();  // with bytes unread: the kernel resets
  const Step step = look(true);
  expect_failed(step, Outcome::reset);
  EXPECT_EQ(step.error, ECONNRESET);
  ++session_.begun;
  const Step sending = exchange_.send_more(session_);
  expect_failed(sending, Outcome::reset);
  EXPECT_EQ(sending.error, EPIPE);
}

TEST_F(ExchangeTest, SendsSeveralMessagesAtOnceAndKnowsThemInOneChunk) {
  const Bytes bytes = sent(5);
  EXPECT_EQ(bytes, messages(0, 4)) << "one behind the other";
  answer(bytes);
  expect_waiting(look(), 5);
  EXPECT_EQ(session_.in_flight(), 0U);
}

TEST_F(ExchangeTest, ChunksThatKnowNothingOfMessagesAreTakenApart) {
  for (const std::size_t chunk : {1U, 3U, 63U, 65U, 127U, 128U, 200U}) {
    SetUp();
    const Bytes bytes = sent(7);
    std::uint32_t echoes = 0;
    for (std::size_t from = 0; from < bytes.size(); from += chunk) {
      answer(std::span(bytes).subspan(from, std::min(chunk, bytes.size() - from)));
      const Step step = look();
      EXPECT_EQ(step.kind, Step::Kind::waiting) << "chunks of " << chunk;
      echoes += step.echoes;
      EXPECT_EQ(session_.echoed, std::min(from + chunk, bytes.size()) / 64) << "in step";
    }
    EXPECT_EQ(echoes, 7U) << "chunks of " << chunk;
  }
}

TEST_F(ExchangeTest, AChangedByteInALaterMessageLeavesTheEarlierOnesCounted) {
  Bytes bytes = sent(5);
  bytes[3 * 64 + 9] ^= std::byte{1};
  answer(bytes);
  expect_failed(look(), Outcome::mismatch, 3);
  EXPECT_EQ(session_.echoed, 3U);
  EXPECT_EQ(exchange_.mismatch()->offset, 9U) << "within its message";
}

TEST_F(ExchangeTest, EchoesInTheWrongOrderAreForeign) {
  sent(2);
  answer(message({me, 1}));
  expect_failed(look(), Outcome::foreign);
  EXPECT_EQ(*exchange_.mismatch()->owner, (echo::MessageId{me, 1}));
}

class VariedExchangeTest : public ExchangeTest {
 protected:
  VariedExchangeTest() : ExchangeTest("1-300") { sizes_.set_seed(11); }
};

TEST_F(VariedExchangeTest, EachMessageHasItsOwnSizeAtBothEnds) {
  const Bytes bytes = sent(100);
  EXPECT_EQ(bytes, messages(0, 99));
  EXPECT_NE(exchange_.size_of(session_, 0), exchange_.size_of(session_, 1))
      << "or this test tests nothing";
  std::uint32_t echoes = 0;
  for (std::size_t from = 0; from < bytes.size(); from += 97) {
    answer(std::span(bytes).subspan(from, std::min<std::size_t>(97, bytes.size() - from)));
    const Step step = look();
    ASSERT_EQ(step.kind, Step::Kind::waiting) << "at byte " << from;
    echoes += step.echoes;
  }
  EXPECT_EQ(echoes, 100U);
}

TEST_F(VariedExchangeTest, OneByteTooManyIsExtraWhateverTheSizes) {
  Bytes bytes = sent(10);
  bytes.push_back(std::byte{0});
  answer(bytes);
  expect_failed(look(), Outcome::extra, 10);
}

/// Moves bytes both ways until `count` messages are echoed; the peer takes and gives `chunk` at a
/// time.
void ping_pong(Exchange& exchange, Session& session, int peer, std::uint32_t count,
               std::size_t chunk) {
  std::vector<std::byte> passing(chunk);
  std::size_t given = 0;
  std::size_t taken = 0;
  session.begun = count;
  for (int turn = 0; turn < 1'000'000 && session.echoed < count; ++turn) {
    ASSERT_EQ(exchange.send_more(session).kind, Step::Kind::waiting);
    if (given == taken) {
      const ssize_t got = ::recv(peer, passing.data(), passing.size(), 0);
      taken = got > 0 ? static_cast<std::size_t>(got) : 0;
      given = 0;
    }
    if (given < taken) {
      const ssize_t put = ::send(peer, passing.data() + given, taken - given, MSG_NOSIGNAL);
      if (put > 0) given += static_cast<std::size_t>(put);
    }
    Step step;
    do {
      step = exchange.receive(session, false);
      ASSERT_EQ(step.kind, Step::Kind::waiting) << name_of(step.outcome);
    } while (step.more);
  }
  EXPECT_EQ(session.echoed, count);
}

class LargeExchangeTest : public ExchangeTest {
 protected:
  LargeExchangeTest() : ExchangeTest("4M") {}
};

TEST_F(LargeExchangeTest, ReadsWhileItWritesAMessageLargerThanTheBuffers) {
  session_.begun = 1;
  ASSERT_EQ(exchange_.send_more(session_).kind, Step::Kind::waiting);
  ASSERT_EQ(session_.writing, 0U) << "or this test tests nothing";
  ASSERT_GT(session_.written, 0U);
  ping_pong(exchange_, session_, theirs_.get(), 1, 64U << 10U);
}

class PartialWriteTest : public ExchangeTest {
 protected:
  PartialWriteTest() : ExchangeTest("1:3,700:2,20000-90000:1") { sizes_.set_seed(5); }
};

TEST_F(PartialWriteTest, LeavesOffWithinAnyMessageAndGoesOnThere) {
  // Smaller buffers at both ends: each send takes part of what is begun, and ends anywhere.
  const int small = 8 << 10;
  for (const int fd : {ours_.get(), theirs_.get()}) {
    ASSERT_EQ(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
  }
  session_.begun = 60;
  ASSERT_EQ(exchange_.send_more(session_).kind, Step::Kind::waiting);
  ASSERT_LT(session_.writing, 60U) << "or this test tests nothing";
  ping_pong(exchange_, session_, theirs_.get(), 60, 1'000);
}

}  // namespace
}  // namespace client
