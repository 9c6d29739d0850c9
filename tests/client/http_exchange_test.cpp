// Requests, and the responses to them: all ways in which they can come, without a socket.
#include "client/connection/http_exchange.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "client/measure/tally.hpp"

namespace client {
namespace {

using Octets = std::vector<std::byte>;

Octets bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr std::string_view request_text = "GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: y\r\n\r\n";

/// One connection, with an exchange of its own.
struct Talk {
  explicit Talk(HttpRequest made, std::string_view size = "64")
      : request(std::move(made)),
        sizes(MessageSizes::parse(size)),
        payload(echo::Payload::unique(sizes.largest(), 7)),
        exchange(request, payload, sizes) {
    connection.number = 3;
    connection.state = State::standing;
  }
  static HttpRequest get() { return HttpRequest::get("/a?b", "h:1", {"X: y"}); }
  static HttpRequest post() { return HttpRequest::echo("h:1", {}); }

  /// Begins `count` more messages and sends them; returns their bytes.
  std::string sent(std::uint32_t count = 1, std::size_t room = 1U << 20U) {
    connection.begun += count;
    std::string all;
    Octets buffer(room);
    while (connection.writing < connection.begun) {
      const Filled filled = exchange.fill(connection, buffer);
      all += text_of(std::span(buffer).first(filled.bytes));
      connection.writing = filled.writing;
      connection.written = filled.written;
    }
    return all;
  }
  IoResult takes(std::string_view text) { return exchange.take(connection, bytes_of(text)); }
  std::string body(echo::MessageId id) const {
    Octets bytes(sizes.of(id));
    payload.fill(id, 0, bytes);
    return text_of(bytes);
  }

  HttpRequest request;
  MessageSizes sizes;
  echo::Payload payload;
  HttpExchange exchange;
  Connection connection;
};

std::string with_length(std::string_view body, std::string_view more = "") {
  return "HTTP/1.1 200 OK\r\n" + std::string(more) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string chunked(const std::string& body) {
  const auto half = static_cast<unsigned>(body.size() / 2);
  char size[32];
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string& part : {body.substr(0, half), body.substr(half)}) {
    if (part.empty()) continue;
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    text += size + part + "\r\n";
  }
  return text + "0\r\n\r\n";
}

void expect_answered(const IoResult& io, std::uint32_t echoes = 1) {
  EXPECT_EQ(io.kind, IoResult::Kind::waiting) << name_of(io.outcome);
  EXPECT_EQ(io.echoes, echoes);
}

void expect_failed(const IoResult& io, Outcome outcome, std::uint32_t echoes = 0) {
  EXPECT_EQ(io.kind, IoResult::Kind::failed);
  EXPECT_EQ(name_of(io.outcome), name_of(outcome));
  EXPECT_EQ(io.echoes, echoes);
}

TEST(HttpRequests, AreSentAsTheyAreForEachMessage) {
  Talk talk{Talk::get()};
  EXPECT_EQ(talk.sent(), request_text);
  EXPECT_EQ(talk.sent(3),
            std::string(request_text) + std::string(request_text) + std::string(request_text));
}

TEST(HttpRequests, AHostGivenAsAHeaderTakesThePlaceOfTheTargets) {
  Talk talk{HttpRequest::get("/", "h", {"hOST: other"})};
  EXPECT_EQ(talk.sent(), "GET / HTTP/1.1\r\nhOST: other\r\n\r\n");
}

TEST(HttpRequests, CarryTheBytesOfTheMessageAsBody) {
  Talk talk{Talk::post()};
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h:1\r\nContent-Length: 64\r\n\r\n";
  EXPECT_EQ(talk.sent(), head + talk.body({3, 0}));
  EXPECT_EQ(talk.sent(2), head + talk.body({3, 1}) + head + talk.body({3, 2}));
}

TEST(HttpRequests, AreTheSameInWhateverPiecesTheyAreSent) {
  const std::string whole = Talk{Talk::post(), "1-300"}.sent(9);
  for (const std::size_t room : {1U, 2U, 7U, 50U, 64U, 100U, 1'000U})
    EXPECT_EQ((Talk{Talk::post(), "1-300"}.sent(9, room)), whole) << room;
}

TEST(HttpRequests, GoOnWhereTheSocketTookOnlyAPart) {
  const std::string whole = Talk{Talk::post(), "1-300"}.sent(5);
  for (std::size_t taken = 0; taken < whole.size(); taken += 3) {
    Talk talk{Talk::post(), "1-300"};
    talk.connection.begun = 5;
    Octets buffer(1U << 16U);
    talk.exchange.fill(talk.connection, buffer);
    talk.exchange.sent_part(talk.connection, taken);
    EXPECT_EQ(talk.sent(0), whole.substr(taken)) << taken;
  }
}

TEST(HttpResponses, ThatAreWholeNeedNoState) {
  Talk talk{Talk::get()};
  for (int i = 0; i < 3; ++i) {
    talk.sent();
    expect_answered(talk.takes(with_length("hello")));
    EXPECT_EQ(talk.exchange.verified_bytes(talk.connection, talk.connection.echoed - 1), 5U);
    EXPECT_EQ(talk.exchange.parts(), 0U);
  }
  EXPECT_EQ(talk.connection.echoed, 3U);
}

/// What came of a response, in whatever pieces.
struct Came {
  IoResult::Kind kind;
  Outcome outcome;
  std::uint32_t answered;
  std::uint64_t offset;  ///< of a wrong byte
  friend bool operator==(const Came&, const Came&) = default;
};

std::ostream& operator<<(std::ostream& out, const Came& came) {
  return out << static_cast<int>(came.kind) << " " << name_of(came.outcome) << " " << came.answered
             << " offset " << came.offset;
}

/// Three messages were sent; `pieces` are what comes back.
Came came_of(const HttpRequest& request, const std::vector<std::string_view>& pieces) {
  Talk talk{request};
  talk.sent(3);
  IoResult io;
  for (const std::string_view piece : pieces) {
    io = talk.takes(piece);
    if (io.kind != IoResult::Kind::waiting) break;
  }
  const auto& mismatch = talk.exchange.mismatch();
  return {io.kind, io.outcome, talk.connection.echoed, mismatch ? mismatch->offset : 0};
}

void expect_the_same_for_every_cut(const HttpRequest& request, std::string_view text) {
  const Came whole = came_of(request, {text});
  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < text.size(); ++i) single.push_back(text.substr(i, 1));
  EXPECT_EQ(came_of(request, single), whole) << text;
  for (std::size_t at = 1; at < text.size(); ++at)
    EXPECT_EQ(came_of(request, {text.substr(0, at), text.substr(at)}), whole)
        << text << " cut at " << at;
}

TEST(HttpResponses, GiveTheSameResultForEveryCut) {
  Talk talk{Talk::post()};
  const auto good = [&](std::uint32_t message) { return talk.body({3, message}); };
  std::string changed = good(1);
  changed[41] = static_cast<char>(changed[41] ^ 1);
  for (const std::string& text :
       {with_length(good(0)) + with_length(good(1)) + with_length(good(2)),
        chunked(good(0)) + with_length(good(1)) + chunked(good(2)),
        with_length(good(0)) + with_length(changed), chunked(good(0)) + chunked(changed),
        with_length(good(0)) + "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
        with_length(good(0)) + "HTTP/1.1 503 No\r\n", with_length(good(0)) + "HTTP/1.1 302 No\r\n",
        with_length(good(0)) + "rubbish", with_length(good(0) + "x"),
        with_length(good(0).substr(1)), with_length(good(0).substr(0, 63)),
        chunked(good(0) + good(0)),
        with_length(good(0)) + with_length(good(1)) + with_length(good(2)) + "H",
        "HTTP/1.1 100 Continue\r\n\r\n" + with_length(good(0)) + chunked(good(1)),
        with_length(good(0)) + with_length(good(1), "Connection: close\r\n")}) {
    expect_the_same_for_every_cut(Talk::post(), text);
  }
}

TEST(HttpResponses, OfAnyBodyGiveTheSameResultForEveryCutToo) {
  HttpRequest strict = Talk::get();
  strict.expected_body = "hello";
  strict.expected_status = 404;
  const std::string right = "HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nhello";
  for (const std::string& text :
       {right + right + right, right + "HTTP/1.1 404 No\r\nContent-Length: 5\r\n\r\nhellx",
        right + "HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\nhello!",
        right + "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\nhell", right + with_length("hello"),
        right + "HTTP/1.1 410 No\r\nContent-Length: 5\r\n\r\nhello"}) {
    expect_the_same_for_every_cut(strict, text);
  }
  for (const std::string& text : {with_length("") + chunked("anything") + with_length("x"),
                                  with_length("a") + "HTTP/1.1 204 None\r\n\r\n"}) {
    expect_the_same_for_every_cut(Talk::get(), text);
  }
}

struct Failing {
  std::string text;
  Outcome outcome;
};

TEST(HttpResponses, FailByName) {
  const std::string body = Talk{Talk::post()}.body({3, 0});
  const std::string other = Talk{Talk::post()}.body({8, 2});
  for (const Failing& row :
       {Failing{"HTTP/1.1 400 Bad Request\r\n\r\n", Outcome::status_4xx},
        Failing{"HTTP/1.1 500 Oh\r\n\r\n", Outcome::status_5xx},
        Failing{"HTTP/1.1 301 Moved\r\n\r\n", Outcome::status_other},
        Failing{"HTTP/1.1 999 What\r\n\r\n", Outcome::status_other},
        Failing{"HTTP/1.1 101 Switch\r\n\r\n", Outcome::status_other},
        Failing{"SSH-2.0-x\r\n", Outcome::parse_error},
        Failing{with_length(body.substr(0, 63)), Outcome::short_echo},
        Failing{with_length(""), Outcome::short_echo},
        Failing{with_length(body + "x"), Outcome::extra},
        Failing{with_length(other), Outcome::foreign},
        Failing{with_length(std::string(64, 'x')), Outcome::mismatch},
        Failing{with_length(body, "Connection: close\r\n") + "x", Outcome::extra}}) {
    Talk talk{Talk::post()};
    talk.sent();
    const IoResult io = talk.takes(row.text);
    EXPECT_EQ(io.kind, IoResult::Kind::failed) << row.text;
    EXPECT_EQ(name_of(io.outcome), name_of(row.outcome)) << row.text;
    EXPECT_EQ(talk.exchange.parts(), 0U) << row.text;
  }
}

TEST(HttpResponses, OfAnotherConnectionNameTheirOwner) {
  Talk talk{Talk::post()};
  talk.sent();
  expect_failed(talk.takes(with_length(talk.body({8, 2}))), Outcome::foreign);
  ASSERT_TRUE(talk.exchange.mismatch() && talk.exchange.mismatch()->owner);
  EXPECT_EQ(*talk.exchange.mismatch()->owner, (echo::MessageId{8, 2}));
}

TEST(HttpResponses, OfAnotherRequestOfTheConnectionAreForeign) {
  Talk talk{Talk::post()};
  talk.sent(2);
  expect_failed(talk.takes(with_length(talk.body({3, 1})) + with_length(talk.body({3, 0}))),
                Outcome::foreign);
}

TEST(HttpResponses, WithoutARequestAreExtra) {
  Talk talk{Talk::get()};
  expect_failed(talk.takes(with_length("hello")), Outcome::extra);
  talk.sent();
  expect_failed(talk.takes(with_length("hello") + "x"), Outcome::extra, 1);
}

TEST(HttpResponses, ToARequestThatWasNotSentCompletelyAreExtra) {
  Talk talk{Talk::post()};
  talk.connection.begun = 1;
  talk.connection.written = 80;  // its head, and a part of its body
  EXPECT_EQ(talk.takes(with_length(talk.body({3, 0})).substr(0, 50)).kind, IoResult::Kind::waiting)
      << "an echo may begin before";
  expect_failed(talk.takes(with_length(talk.body({3, 0})).substr(50)), Outcome::extra);
}

TEST(HttpResponses, MayDifferInTheirDateAndNothingElse) {
  const std::string date = "Date: Mon, 30 Nov 2026 18:00:00 GMT\r\n";
  const std::string later = "Date: Mon, 30 Nov 2026 18:00:01 GMT\r\n";
  Talk talk{Talk::get()};
  for (const std::string& each : {date, later, later, date}) {
    talk.sent();
    expect_answered(talk.takes(with_length("hello", each)));
  }
  talk.sent();
  expect_answered(talk.takes(with_length("four", later)));
  EXPECT_EQ(talk.exchange.verified_bytes(talk.connection, talk.connection.echoed - 1), 4U);
  // As many characters as a date, with the end of the line among them: another length.
  std::string smuggled = with_length("four", "Date: Mon, 30\r\nContent-Length: 9000\r\n");
  ASSERT_EQ(smuggled.size(), with_length("four", later).size());
  talk.sent();
  expect_failed(talk.takes(smuggled), Outcome::parse_error);
}

TEST(HttpResponses, ThatEndTheConnectionSaySo) {
  const std::string ending = with_length("hello", "Connection: close\r\n");
  for (const std::string& text : {ending, "HTTP/1.0" + with_length("hello").substr(8)}) {
    Talk talk{Talk::get()};
    talk.sent(2);
    const IoResult io = talk.takes(text);
    EXPECT_EQ(io.kind, IoResult::Kind::closes);
    EXPECT_EQ(io.echoes, 1U);
    EXPECT_EQ(talk.connection.in_flight(), 1U);
  }
}

TEST(HttpEnds, WithinAResponseAreShortUnlessTheyEndIt) {
  for (const std::size_t size : {1U, 20U, 40U}) {
    Talk talk{Talk::get()};
    talk.sent();
    EXPECT_EQ(talk.takes(with_length("hello").substr(0, size)).kind, IoResult::Kind::waiting);
    expect_failed(talk.exchange.take_end(talk.connection), Outcome::short_echo);
    EXPECT_EQ(talk.exchange.parts(), 0U);
  }
  Talk talk{Talk::get()};
  talk.sent();
  talk.takes("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  const IoResult io = talk.exchange.take_end(talk.connection);
  EXPECT_EQ(io.kind, IoResult::Kind::closes);
  EXPECT_EQ(io.echoes, 1U);
  EXPECT_EQ(talk.exchange.verified_bytes(talk.connection, 0), 13U);
}

TEST(HttpEnds, BeforeAResponseAreEarlyOnAFreshConnectionAndStaleOnAUsedOne) {
  Talk talk{Talk::get()};
  EXPECT_EQ(talk.exchange.take_end(talk.connection).kind, IoResult::Kind::eof);
  talk.sent();
  expect_failed(talk.exchange.take_end(talk.connection), Outcome::closed_early);
  expect_failed(talk.exchange.take_error(talk.connection, ECONNRESET), Outcome::reset);
  expect_answered(talk.takes(with_length("hello")));
  EXPECT_EQ(talk.exchange.take_end(talk.connection).kind, IoResult::Kind::eof);
  talk.sent();
  expect_failed(talk.exchange.take_end(talk.connection), Outcome::stale_connection);
  expect_failed(talk.exchange.take_error(talk.connection, EPIPE), Outcome::stale_connection);
  talk.connection.echoed_before = talk.connection.echoed;  // another socket
  expect_failed(talk.exchange.take_end(talk.connection), Outcome::closed_early);
  expect_failed(talk.exchange.take_error(talk.connection, ECONNRESET), Outcome::reset);
}

TEST(HttpServersOfAnotherProtocol, AreNamed) {
  Talk echo{Talk::get()};
  expect_failed(echo.takes(echo.sent()), Outcome::parse_error);
  EXPECT_EQ(echo.exchange.protocol(), "echo");
  EXPECT_NE(echo.exchange.fault(), "");
  Talk ssh{Talk::get()};
  ssh.sent();
  expect_failed(ssh.takes("SSH-2.0-OpenSSH_9.2\r\n"), Outcome::parse_error);
  EXPECT_EQ(ssh.exchange.protocol(), "SSH");
}

TEST(HttpParts, ArePutAwayWithTheirResponse) {
  Talk talk{Talk::get()};
  std::vector<Connection> others(100);
  for (Connection& each : others) {
    each.begun = each.writing = 2;
    talk.exchange.take(each, bytes_of("HTTP/1.1 200 OK\r\nContent-Le"));
  }
  EXPECT_EQ(talk.exchange.parts(), 100U);
  for (Connection& each : others) {
    expect_answered(talk.exchange.take(each, bytes_of("ngth: 2\r\n\r\nok")));
    expect_answered(talk.exchange.take(each, bytes_of(with_length("ok"))));
  }
  EXPECT_EQ(talk.exchange.parts(), 0U);
}

TEST(HttpParts, OfAnEarlierConnectionInTheEntryAreForgotten) {
  Talk talk{Talk::get()};
  talk.sent();
  talk.takes("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc");
  talk.connection = Connection{};  // it timed out; the table opens another one in its place
  talk.connection.begun = talk.connection.writing = 1;
  EXPECT_EQ(talk.takes("HTTP/1.1 200").kind, IoResult::Kind::waiting);
  expect_answered(talk.takes(" OK\r\nContent-Length: 2\r\n\r\nok"));
}

}  // namespace
}  // namespace client
