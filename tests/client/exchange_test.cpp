// A message and its echo over a socket pair: all ways in which the bytes can come back.
#include "client/connection/echo_exchange.hpp"

#include <cerrno>

#include "tests/client/exchange_fixture.hpp"

namespace client {
namespace {

using fixtures::Bytes;
using fixtures::ExchangeTest;

TEST_F(ExchangeTest, SendsTheMessageOfTheConnection) {
  connection_.begun = connection_.echoed = connection_.writing = 5;
  EXPECT_EQ(sent(), message({me, 5}));
  EXPECT_EQ(connection_.writing, 6U);
  EXPECT_EQ(connection_.written, 0U);
}

TEST_F(ExchangeTest, SendsNothingThatWasNotBegun) {
  EXPECT_EQ(sent(0), Bytes{});
  EXPECT_EQ(connection_.writing, 0U);
}

TEST_F(ExchangeTest, AssemblesAnEchoFromSingleBytes) {
  const Bytes bytes = sent();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    answer(std::span(bytes).subspan(i, 1));
    expect_waiting(look(), i + 1 < bytes.size() ? 0 : 1);
  }
  EXPECT_EQ(connection_.echoed, 1U);
  EXPECT_EQ(connection_.in_flight(), 0U);
}

TEST_F(ExchangeTest, WaitsWhenNothingHasCome) {
  sent();
  expect_waiting(look(), 0);
}

TEST_F(ExchangeTest, ReportsAChangedByte) {
  Bytes bytes = sent();
  const std::byte right = bytes[41];
  bytes[41] ^= std::byte{0x10};
  answer(bytes);
  expect_failed(look(), Outcome::mismatch);
  ASSERT_TRUE(transport_.mismatch());
  EXPECT_EQ(transport_.mismatch()->offset, 41U);
  EXPECT_EQ(transport_.mismatch()->expected, right);
  EXPECT_EQ(transport_.mismatch()->got, right ^ std::byte{0x10});
}

TEST_F(ExchangeTest, ReportsTheOwnerOfForeignBytes) {
  sent();
  answer(message({8, 2}));
  expect_failed(look(), Outcome::foreign);
  ASSERT_TRUE(transport_.mismatch() && transport_.mismatch()->owner);
  EXPECT_EQ(*transport_.mismatch()->owner, (echo::MessageId{8, 2}));
}

TEST_F(ExchangeTest, TheEchoOfAnEarlierMessageIsForeign) {
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
  EXPECT_EQ(connection_.echoed, 1U);
}

TEST_F(ExchangeTest, BytesWithNoMessageInFlightAreExtra) {
  for (const State state : {State::standing, State::draining}) {
    connection_.state = state;
    answer(Bytes{std::byte{'x'}});
    expect_failed(look(), Outcome::extra);
  }
}

TEST_F(ExchangeTest, BytesThatWereNotSentYetAreExtra) {
  sent();
  connection_.writing = 0;  // as if the socket buffer had taken only ten bytes
  connection_.written = 10;
  const Bytes whole = message({me, 0});
  answer(std::span(whole).first(10));
  expect_waiting(look(), 0);
  answer(std::span(whole).subspan(10, 1));
  expect_failed(look(), Outcome::extra);
}

TEST_F(ExchangeTest, AFinBeforeAWholeEchoIsClosedEarlyOrShort) {
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
    IoResult io = look(true);
    while (io.kind == IoResult::Kind::waiting && io.more) io = look(true);
    expect_failed(io, row.outcome);
  }
}

TEST_F(ExchangeTest, AFinAfterAWholeEchoIsReturnedByTheNextCall) {
  answer(sent());
  theirs_.reset();
  const IoResult io = look(true);
  expect_waiting(io, 1);
  EXPECT_TRUE(io.more) << "the caller must receive again";
  EXPECT_EQ(look(true).kind, IoResult::Kind::eof);
}

TEST_F(ExchangeTest, AFinBetweenTwoMessagesInFlightIsTooEarlyForTheSecond) {
  sent(2);
  answer(message({me, 0}));
  theirs_.reset();
  expect_waiting(look(true), 1);
  expect_failed(look(true), Outcome::closed_early);
}

TEST_F(ExchangeTest, AResetIsReportedWithItsErrno) {
  connection_.begun = 1;
  ASSERT_EQ(transport_.send_more(connection_).kind, IoResult::Kind::waiting);
  theirs_.reset();  // with bytes unread: the kernel resets
  const IoResult io = look(true);
  expect_failed(io, Outcome::reset);
  EXPECT_EQ(io.error, ECONNRESET);
  ++connection_.begun;
  const IoResult sending = transport_.send_more(connection_);
  expect_failed(sending, Outcome::reset);
  EXPECT_EQ(sending.error, EPIPE);
}

}  // namespace
}  // namespace client
