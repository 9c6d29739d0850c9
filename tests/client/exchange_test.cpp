// One message and its echo over a socket pair: every way in which the bytes can come back.
#include "client/exchange.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "echo/descriptor.hpp"

namespace client {
namespace {

using Bytes = std::vector<std::byte>;

class ExchangeTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t me = 3;

  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours_.reset(ends[0]);
    theirs_.reset(ends[1]);
    session_.fd = ends[0];
    session_.state = State::echoing;
  }
  Bytes message(echo::MessageId id) const {
    Bytes bytes(payload_.size());
    payload_.fill(id, 0, bytes);
    return bytes;
  }
  /// What lies at the peer now.
  Bytes arrived() const {
    Bytes bytes(payload_.size() * 2);
    const ssize_t count = ::recv(theirs_.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }
  void answer(std::span<const std::byte> bytes) const {
    ASSERT_EQ(::send(theirs_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  /// Sends the message, and lets the peer take it.
  Bytes sent() {
    EXPECT_EQ(exchange_.send_more(session_, me).kind, Step::Kind::waiting);
    return arrived();
  }
  Step look(bool until_eof = false) { return exchange_.receive(session_, me, until_eof); }
  void expect_failed(const Step& step, Outcome outcome) {
    EXPECT_EQ(step.kind, Step::Kind::failed);
    EXPECT_EQ(name_of(step.outcome), name_of(outcome));
  }

  echo::Payload payload_ = echo::Payload::unique(64, 7);
  Exchange exchange_{payload_};
  echo::Descriptor ours_, theirs_;
  Session session_;
};

TEST_F(ExchangeTest, SendsTheMessageOfTheSession) {
  session_.next_message = 5;
  EXPECT_EQ(sent(), message({me, 5}));
  EXPECT_EQ(session_.sent, payload_.size());
}

TEST_F(ExchangeTest, PutsSingleBytesTogether) {
  const Bytes bytes = sent();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    answer(std::span(bytes).subspan(i, 1));
    EXPECT_EQ(look().kind, i + 1 < bytes.size() ? Step::Kind::waiting : Step::Kind::echoed);
  }
  EXPECT_EQ(session_.received, payload_.size());
}

TEST_F(ExchangeTest, WaitsWhenNothingHasCome) {
  sent();
  EXPECT_EQ(look().kind, Step::Kind::waiting);
}

TEST_F(ExchangeTest, NamesAChangedByte) {
  Bytes bytes = sent();
  const std::byte right = bytes[41];
  bytes[41] ^= std::byte{0x10};
  answer(bytes);
  const Step step = look();
  expect_failed(step, Outcome::mismatch);
  ASSERT_TRUE(step.mismatch);
  EXPECT_EQ(step.mismatch->offset, 41U);
  EXPECT_EQ(step.mismatch->expected, right);
  EXPECT_EQ(step.mismatch->got, right ^ std::byte{0x10});
}

TEST_F(ExchangeTest, NamesTheOwnerOfForeignBytes) {
  sent();
  answer(message({8, 2}));
  const Step step = look();
  expect_failed(step, Outcome::foreign);
  ASSERT_TRUE(step.mismatch && step.mismatch->owner);
  EXPECT_EQ(*step.mismatch->owner, (echo::MessageId{8, 2}));
}

TEST_F(ExchangeTest, TakesTheEchoOfAnEarlierMessageForForeign) {
  session_.next_message = 1;
  sent();
  answer(message({me, 0}));
  expect_failed(look(), Outcome::foreign);
}

TEST_F(ExchangeTest, BytesPastTheEchoAreExtra) {
  Bytes bytes = sent();
  bytes.push_back(std::byte{'x'});
  answer(bytes);
  expect_failed(look(), Outcome::extra);
}

TEST_F(ExchangeTest, BytesWithNoMessageInFlightAreExtra) {
  for (const State state : {State::ready, State::draining}) {
    session_.state = state;
    answer(Bytes{std::byte{'x'}});
    expect_failed(look(), Outcome::extra);
  }
}

TEST_F(ExchangeTest, BytesThatWereNotSentYetAreExtra) {
  sent();
  session_.sent = 10;  // as if the socket buffer had taken no more
  const Bytes whole = message({me, 0});
  answer(std::span(whole).first(11));
  expect_failed(look(), Outcome::extra);
}

TEST_F(ExchangeTest, AFinTellsHowMuchHadCome) {
  const Bytes bytes = sent();
  struct Row {
    std::size_t before;
    Outcome outcome;
  };
  for (const Row row :
       {Row{0, Outcome::closed_early}, Row{1, Outcome::short_echo}, Row{63, Outcome::short_echo}}) {
    SetUp();
    session_ = {.fd = ours_.get(), .state = State::echoing};
    sent();
    answer(std::span(bytes).first(row.before));
    theirs_.reset();
    expect_failed(look(true), row.outcome);
  }
}

TEST_F(ExchangeTest, AFinBehindAWholeEchoIsTheNextLooksBusiness) {
  answer(sent());
  theirs_.reset();
  ASSERT_EQ(look(true).kind, Step::Kind::echoed);
  session_.state = State::ready;
  EXPECT_EQ(look(true).kind, Step::Kind::eof);
}

TEST_F(ExchangeTest, AResetComesWithItsErrno) {
  ASSERT_EQ(exchange_.send_more(session_, me).kind, Step::Kind::waiting);
  theirs_.reset();  // with bytes unread: the kernel resets
  const Step step = look(true);
  expect_failed(step, Outcome::reset);
  EXPECT_EQ(step.error, ECONNRESET);
  const Step sending = [this] {
    session_.sent = 0;
    return exchange_.send_more(session_, me);
  }();
  expect_failed(sending, Outcome::reset);
  EXPECT_EQ(sending.error, EPIPE);
}

class LargeExchangeTest : public ExchangeTest {
 protected:
  LargeExchangeTest() { payload_ = echo::Payload::unique(4U << 20U, 9); }
};

TEST_F(LargeExchangeTest, ReadsWhileItWritesAMessageLargerThanTheBuffers) {
  Step step = exchange_.send_more(session_, me);
  ASSERT_LT(session_.sent, payload_.size()) << "or this test tests nothing";
  std::vector<std::byte> passing(64U << 10U);
  for (int turn = 0; turn < 100'000 && step.kind == Step::Kind::waiting; ++turn) {
    const ssize_t count = ::recv(theirs_.get(), passing.data(), passing.size(), 0);
    if (count > 0) answer(std::span(passing).first(static_cast<std::size_t>(count)));
    step = look();
    if (session_.sent < payload_.size()) exchange_.send_more(session_, me);
  }
  EXPECT_EQ(step.kind, Step::Kind::echoed);
  EXPECT_EQ(session_.received, payload_.size());
}

}  // namespace
}  // namespace client
