// What the table of wire cases does not show: settings, deadlines, counts.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "protocol/http/answer.hpp"
#include "tests/protocol/answer_reader.hpp"
#include "tests/protocol/http_driver.hpp"

namespace tests {
namespace {

using protocol::After;
using protocol::HttpClose;
using std::chrono::seconds;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const auto start = protocol::Conversation::Clock::time_point{std::chrono::hours{1}};
constexpr auto never = protocol::Conversation::Clock::time_point::max();

protocol::HttpSettings with_timeout() {
  protocol::HttpSettings settings = fixed_settings();
  settings.request_timeout = seconds{10};
  return settings;
}

TEST(HttpProtocol, AnswersAsItIsWritten) {
  HttpDriver driver{fixed_settings()};
  driver.receive(get);
  EXPECT_EQ(driver.sent(),
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: "
            "text/plain\r\nContent-Length: 2\r\n\r\nok");
}

TEST(HttpProtocol, TheDateChangesWithTheSecond) {
  static std::time_t now = 0;
  protocol::HttpSettings settings = fixed_settings();
  settings.wall_clock = [] { return now; };
  const auto date_at = [&](std::time_t second) {
    now = second;
    HttpDriver driver{settings};
    driver.receive(get);
    return read_answers(driver.sent()).answers.at(0).fields.at("date");
  };
  EXPECT_EQ(date_at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(date_at(1), "Thu, 01 Jan 1970 00:00:01 GMT");
  EXPECT_EQ(date_at(951827696), "Tue, 29 Feb 2000 12:34:56 GMT");
  EXPECT_EQ(date_at(4102444799), "Thu, 31 Dec 2099 23:59:59 GMT");
}

TEST(HttpProtocol, NoHeadIsLongerThanItsRoom) {
  for (const unsigned status : {200U, 400U, 404U, 405U, 408U, 413U, 414U, 417U, 431U, 501U, 505U}) {
    protocol::Answer answer{.status = status,
                            .body = protocol::Answer::Body::pattern,
                            .connection = protocol::Answer::Connection::keep_alive,
                            .allow = protocol::Resource::Kind::server,
                            .length = UINT64_MAX};
    std::string room(protocol::largest_head, ' ');
    EXPECT_LE(protocol::write_head(answer, 0, room), protocol::largest_head - 20);
    EXPECT_EQ(protocol::reason_of(status) == "Bad Request", status == 400);
  }
}

TEST(HttpProtocol, APartOfARequestIsAConversationAndTheRestEndsIt) {
  HttpDriver driver{fixed_settings()};
  driver.receive(get.substr(0, 10));
  EXPECT_FALSE(driver.is_at_rest());
  EXPECT_EQ(driver.sent(), "");
  driver.receive(get.substr(10));
  EXPECT_TRUE(driver.is_at_rest());
  driver.receive(post);
  EXPECT_TRUE(driver.is_at_rest());
  EXPECT_EQ(driver.messages(), 2U);
}

TEST(HttpProtocol, TheTimeoutRunsFromTheFirstByteUntilTheRequestIsWhole) {
  static auto now = start;
  now = start;
  protocol::HttpSettings settings = with_timeout();
  settings.steady_clock = [] { return now; };
  HttpDriver driver{settings};
  driver.receive(post.substr(0, 10));
  EXPECT_EQ(driver.slot()->deadline(), start + seconds{10});
  now += seconds{5};
  driver.receive(post.substr(10, post.size() - 11));  // the body too, but for its last byte
  EXPECT_EQ(driver.slot()->deadline(), start + seconds{10});
  driver.receive("o" + post.substr(0, 1));  // and the first byte of the next request
  EXPECT_EQ(driver.slot()->deadline(), start + seconds{15});
}

TEST(HttpProtocol, AnAnswerThatGoesOnHasNoDeadline) {
  HttpDriver driver{with_timeout()};
  const protocol::HttpProtocol http{with_timeout()};
  protocol::ConversationSlot slot;
  std::string request = "GET /bytes/1000000 HTTP/1.1\r\nHost: a\r\n\r\n";
  const protocol::Turn turn = http.answer_to(slot, std::as_writable_bytes(std::span{request}));
  EXPECT_EQ(turn.after, After::go_on);
  EXPECT_EQ(turn.messages, 0U);
  EXPECT_EQ(slot->deadline(), never);
}

TEST(HttpProtocol, ARequestThatIsNotWholeInTimeIsAnsweredWith408) {
  for (const std::string& part : {get.substr(0, 1), get.substr(0, get.size() - 1),
                                  std::string{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                              "5\r\n\r\n"}}) {
    HttpDriver driver{with_timeout()};
    driver.receive(part);
    driver.time_out();
    const ReadAnswers read = read_answers(driver.sent());
    EXPECT_EQ(read.statuses(), "408") << part;
    EXPECT_EQ(read.answers.at(0).fields.at("connection"), "close");
    EXPECT_EQ(driver.after(), After::linger);
    EXPECT_EQ(driver.slot()->deadline(), start + seconds{2});
    EXPECT_EQ(driver.fault(), "");
    driver.time_out();
    EXPECT_EQ(driver.after(), After::close);
  }
}

TEST(HttpProtocol, AnEchoThatHasBegunEndsUnfinishedAtTheTimeout) {
  HttpDriver driver{with_timeout()};
  driver.receive(post.substr(0, post.size() - 1));
  driver.time_out();
  const ReadAnswers read = read_answers(driver.sent());
  EXPECT_EQ(read.statuses(), "");
  EXPECT_TRUE(read.rest.ends_with("hell")) << read.rest;
  EXPECT_EQ(driver.after(), After::linger);
  EXPECT_EQ(driver.messages(), 0U);
}

TEST(HttpProtocol, WithoutATimeoutARequestHasNoDeadline) {
  HttpDriver driver{fixed_settings()};
  driver.receive(get.substr(0, 10));
  EXPECT_EQ(driver.slot()->deadline(), never);
}

TEST(HttpProtocol, ALingeringCloseTakesABoundedNumberOfBytes) {
  protocol::HttpSettings settings = fixed_settings();
  settings.linger_bytes = 3000;
  HttpDriver driver{settings};
  driver.receive("x\r\n");
  EXPECT_EQ(driver.after(), After::linger);
  const std::string answer = driver.sent();
  driver.receive(std::string(3000, 'y'));
  EXPECT_EQ(driver.after(), After::linger);
  driver.receive("y");
  EXPECT_EQ(driver.after(), After::close);
  EXPECT_EQ(driver.sent(), answer);
  EXPECT_EQ(driver.fault(), "");
}

TEST(HttpProtocol, ClosesAfterEachResponseAsItIsTold) {
  struct Case {
    HttpClose close;
    After after;
    bool is_announced;
  };
  for (const Case& each : {Case{HttpClose::announced, After::linger, true},
                           Case{HttpClose::unannounced, After::close, false},
                           Case{HttpClose::reset, After::reset, false}}) {
    protocol::HttpSettings settings = fixed_settings();
    settings.close = each.close;
    for (const std::string& request : {get, post, get + get}) {
      HttpDriver driver{settings};
      driver.receive(request);
      EXPECT_EQ(driver.after(), each.after);
      const ReadAnswers read = read_answers(driver.sent());
      EXPECT_EQ(read.statuses(), "200");
      EXPECT_EQ(read.answers.at(0).fields.contains("connection"), each.is_announced);
      EXPECT_EQ(driver.fault(), "");
    }
  }
}

TEST(HttpProtocol, APeerThatRequestsTheCloseGetsALingeringOneUnlessAnotherIsConfigured) {
  const std::string with_close = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  for (const std::string& request : {with_close, std::string{"GET / HTTP/1.0\r\n\r\n"}}) {
    for (const auto& [close, after] :
         {std::pair{HttpClose::none, After::linger}, std::pair{HttpClose::announced, After::linger},
          std::pair{HttpClose::unannounced, After::close},
          std::pair{HttpClose::reset, After::reset}}) {
      protocol::HttpSettings settings = fixed_settings();
      settings.close = close;
      HttpDriver driver{settings};
      driver.receive(request + get);
      EXPECT_EQ(driver.after(), after) << request;
      EXPECT_EQ(read_answers(driver.sent()).statuses(), "200");
      EXPECT_EQ(driver.fault(), "");
    }
  }
}

TEST(HttpProtocol, TheTimeOfALingeringCloseBeginsWhenTheAnswerIsSent) {
  static auto now = start;
  now = start;
  protocol::HttpSettings settings = with_timeout();
  settings.close = HttpClose::announced;
  settings.steady_clock = [] { return now; };
  const protocol::HttpProtocol http{settings};
  protocol::ConversationSlot slot;
  std::string request = get;
  protocol::Turn turn = http.answer_to(slot, std::as_writable_bytes(std::span{request}));
  EXPECT_EQ(turn.messages, 1U);
  ASSERT_EQ(turn.after, After::go_on);  // a model calls again when the bytes are sent
  ASSERT_NE(slot, nullptr);
  EXPECT_EQ(slot->deadline(), never);
  now += seconds{100};
  turn = http.go_on(slot);
  EXPECT_TRUE(turn.bytes.empty());
  EXPECT_EQ(turn.messages, 0U);
  EXPECT_EQ(turn.after, After::linger);
  EXPECT_EQ(slot->deadline(), now + settings.linger_time);
}

TEST(HttpProtocol, AnEmptyLineBehindARequestStartsNoTimeout) {
  for (const std::vector<std::size_t>& cuts :
       {std::vector<std::size_t>{post.size()}, {post.size() + 1}, {post.size(), post.size() + 1}}) {
    HttpDriver driver{with_timeout()};
    driver.receive(post + "\r\n", cuts);
    EXPECT_TRUE(!driver.slot() || driver.slot()->deadline() == never);
    driver.receive(get.substr(0, 1));
    ASSERT_NE(driver.slot(), nullptr);
    EXPECT_EQ(driver.slot()->deadline(), start + seconds{10});
    driver.receive(get.substr(1));
    EXPECT_EQ(read_answers(driver.sent()).statuses(), "200 200");
    EXPECT_EQ(driver.fault(), "");
  }
}

TEST(HttpProtocol, ATimeoutBeyondTheClocksRangeIsNoneThatIsOver) {
  protocol::HttpSettings settings = fixed_settings();
  settings.request_timeout = std::chrono::nanoseconds::max();
  HttpDriver driver{settings};
  driver.receive(get.substr(0, 10));
  EXPECT_GT(driver.slot()->deadline(), start + std::chrono::hours{24 * 365 * 100});
}

TEST(HttpProtocol, WithWorkATurnHasOneMessage) {
  protocol::HttpSettings settings = fixed_settings();
  settings.buffer_size = 65536;
  std::string many;
  for (int number = 0; number < 50; ++number) many += number % 2 == 0 ? get : post;
  HttpDriver plain{settings};
  plain.receive(many);
  EXPECT_GT(plain.most_messages(), 1U);
  settings.one_message_per_turn = true;
  HttpDriver driver{settings};
  driver.receive(many);
  EXPECT_EQ(driver.most_messages(), 1U);
  EXPECT_EQ(driver.messages(), 50U);
  EXPECT_EQ(driver.sent(), plain.sent());
  EXPECT_EQ(driver.fault(), "");
  EXPECT_TRUE(driver.is_at_rest());
}

TEST(HttpProtocol, ARequestIsAMessageWhenItsAnswerEnds) {
  protocol::HttpSettings settings = fixed_settings();
  settings.buffer_size = 100;
  const protocol::HttpProtocol http{settings};
  protocol::ConversationSlot slot;
  std::string request = "GET /bytes/1000 HTTP/1.1\r\nHost: a\r\n\r\n";
  protocol::Turn turn = http.answer_to(slot, std::as_writable_bytes(std::span{request}));
  int turns = 1;
  while (turn.after == After::go_on) {
    EXPECT_EQ(turn.messages, 0U);
    turn = http.go_on(slot);
    ++turns;
  }
  EXPECT_EQ(turn.messages, 1U);
  EXPECT_GE(turns, 11);
  EXPECT_EQ(slot, nullptr);
}

TEST(HttpProtocol, ALongBodyIsThePattern) {
  protocol::HttpSettings settings = fixed_settings();
  settings.buffer_size = 1000;
  HttpDriver driver{settings};
  driver.receive("GET /bytes/100000 HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string body = read_answers(driver.sent()).answers.at(0).body;
  ASSERT_EQ(body.size(), 100000U);
  for (std::size_t at = 0; at < body.size(); ++at)
    ASSERT_EQ(body[at], static_cast<char>('a' + at % 26)) << at;
}

TEST(HttpProtocol, TheInterimAnswerComesBeforeTheBody) {
  HttpDriver driver{fixed_settings()};
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  driver.receive(head);
  EXPECT_EQ(driver.sent(), "HTTP/1.1 100 Continue\r\n\r\n");
  driver.receive("hello");
  EXPECT_EQ(read_answers(driver.sent()).statuses(), "100 200");
}

TEST(HttpProtocol, AnEchoIsSentWhileItArrives) {
  HttpDriver driver{fixed_settings()};
  driver.receive(post.substr(0, post.size() - 2));
  EXPECT_TRUE(driver.sent().ends_with("\r\n\r\nhel"));
  HttpDriver chunked{fixed_settings()};
  chunked.receive("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  EXPECT_TRUE(chunked.sent().ends_with("\r\n\r\n5\r\nhel"));
}

}  // namespace
}  // namespace tests
