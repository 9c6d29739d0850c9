// Where an HTTP/1.1 response begins and ends, in whatever pieces it comes, and what is refused.
#include "protocol/http/response_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace protocol {
namespace {

using Event = ResponseParser::Event;
using Texts = std::vector<std::string_view>;

/// What a parser found in a stream of pieces.
struct Found {
  unsigned status = 0;
  std::string body;
  bool ended = false;
  bool persists = false;
  ResponseFault fault = ResponseFault::none;
  std::size_t used = 0;  ///< bytes up to the end of the response, or to the fault
  friend bool operator==(const Found&, const Found&) = default;
};

std::ostream& operator<<(std::ostream& out, const Found& found) {
  return out << found.status << " \"" << found.body << "\" ended " << found.ended << " persists "
             << found.persists << " used " << found.used << " " << text_of(found.fault);
}

Found found_in(const Texts& pieces) {
  ResponseParser parser;
  Found found;
  for (const std::string_view piece : pieces) {
    ResponseParser::Bytes got = std::as_bytes(std::span(piece));
    for (bool more = true; more;) {
      const std::size_t before = got.size();
      ResponseParser::Bytes body;
      const Event event = parser.next(got, body);
      found.used += before - got.size();
      if (event == Event::head) found.status = parser.status();
      if (event == Event::body)
        found.body.append(reinterpret_cast<const char*>(body.data()), body.size());
      found.ended = event == Event::end;
      found.fault = parser.fault();
      if (event == Event::end || event == Event::wrong) {
        found.persists = parser.persists();
        return found;
      }
      more = event != Event::more;
    }
  }
  return found;
}

struct Good {
  const char* text;
  unsigned status;
  const char* body;
  bool persists;
};

const Good good[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
    {"HTTP/1.1 200 \r\nCONTENT-LENGTH:5 \t\r\n\r\nhello", 200, "hello", true},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", 200, "ok", true},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", 200, "ok", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: x, Close\r\n\r\nok", 200, "ok", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: closed\r\n\r\nok", 200, "ok", true},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", 200, "ok", true},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, "", true},
    {"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", 304, "", true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     200, "ok", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "hello",
     true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\"b\"\r\nhe\r\n00a;\r\nllo, world"
     "\r\n0;x\r\nExpires: never\r\nX: \r\n\r\n",
     200, "hello, world", true},
    {"HTTP/1.1 404 Not Found\r\nX-Very-Long-Name-Of-A-Header: \x80\xff\r\nContent-Length: 1\r\n\r\n"
     "x",
     404, "x", true},
    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101, "", false},
};

Texts cut(std::string_view text, std::size_t at) {
  return {text.substr(0, at), text.substr(at)};
}

Texts bytes_of(std::string_view text) {
  Texts bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  return bytes;
}

TEST(ResponseParser, FindsStatusBodyAndEndOfEachResponse) {
  for (const Good& each : good) {
    const std::string_view text = each.text;
    const Found expected{each.status,   each.body,           true,
                         each.persists, ResponseFault::none, text.size()};
    EXPECT_EQ(found_in({text}), expected) << text;
  }
}

TEST(ResponseParser, FindsTheSameInWhateverPiecesAResponseComes) {
  for (const Good& each : good) {
    const std::string_view text = each.text;
    const Found whole = found_in({text});
    EXPECT_EQ(found_in(bytes_of(text)), whole) << text;
    for (std::size_t at = 1; at < text.size(); ++at)
      EXPECT_EQ(found_in(cut(text, at)), whole) << text << " cut at " << at;
  }
}

TEST(ResponseParser, LeavesTheBytesBehindTheEndAlone) {
  for (const Good& each : good) {
    const std::string_view text = each.text;
    const std::string more = std::string(text) + "HTTP/1.1 500 No\r\n\r\n";
    EXPECT_EQ(found_in({more}), found_in({text})) << text;
  }
}

TEST(ResponseParser, WithoutALengthTheBodyEndsWithTheConnection) {
  ResponseParser parser;
  const std::string_view text = "HTTP/1.1 200 OK\r\n\r\nall of it";
  ResponseParser::Bytes got = std::as_bytes(std::span(text));
  ResponseParser::Bytes body;
  EXPECT_EQ(parser.next(got, body), Event::head);
  EXPECT_FALSE(parser.persists());
  EXPECT_EQ(parser.next(got, body), Event::body);
  EXPECT_EQ(body.size(), 9U);
  EXPECT_EQ(parser.next(got, body), Event::more);
  EXPECT_EQ(parser.at_fin(), Event::end);
  EXPECT_EQ(ResponseParser{}.at_fin(), Event::more) << "a FIN before the head ends no response";
}

struct Bad {
  const char* text;
  ResponseFault fault;
};

#define HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
const Bad bad[] = {
    {"GET / HTTP/1.1\r\n", ResponseFault::status_line},
    {"\r\nHTTP/1.1 200 OK\r\n", ResponseFault::status_line},
    {"http/1.1 200 OK\r\n", ResponseFault::status_line},
    {"HTTP/2.0 200 OK\r\n", ResponseFault::status_line},
    {"HTTP/1.2 200 OK\r\n", ResponseFault::status_line},
    {"HTTP/1.1  200 OK\r\n", ResponseFault::status_line},
    {"HTTP/1.1 2000 OK\r\n", ResponseFault::status_line},
    {"HTTP/1.1 020 OK\r\n", ResponseFault::status_line},
    {"HTTP/1.1 20 OK\r\n", ResponseFault::status_line},
    {"HTTP/1.1 200 O\x01K\r\n", ResponseFault::status_line},
    {"HTTP/1.1 200 OK\n", ResponseFault::line_end},
    {"HTTP/1.1 200 OK\rX", ResponseFault::line_end},
    {HEAD "Content-Length : 5\r\n\r\n", ResponseFault::header_name},
    {HEAD ": 5\r\n\r\n", ResponseFault::header_name},
    {HEAD "No colon\r\n\r\n", ResponseFault::header_name},
    {HEAD "A: b\r\n folded\r\n\r\n", ResponseFault::header_name},
    {HEAD " A: b\r\n\r\n", ResponseFault::header_name},
    {HEAD "A: b\x01\r\n\r\n", ResponseFault::header_value},
    {HEAD "A: b\nB: c\r\n\r\n", ResponseFault::line_end},
    {HEAD "A: b\rB: c\r\n\r\n", ResponseFault::line_end},
    {HEAD "A: b\r\n\n", ResponseFault::line_end},
    {HEAD "A: b\r\n\rx", ResponseFault::line_end},
    {HEAD "Content-Length: \r\n", ResponseFault::length},
    {HEAD "Content-Length: +5\r\n", ResponseFault::length},
    {HEAD "Content-Length: 5x\r\n", ResponseFault::length},
    {HEAD "Content-Length: 5 5\r\n", ResponseFault::length},
    {HEAD "Content-Length: 5, 5\r\n", ResponseFault::length},
    {HEAD "Content-Length: -1\r\n", ResponseFault::length},
    {HEAD "Content-Length: 9223372036854775808\r\n", ResponseFault::length},
    {HEAD "Content-Length: 100000000000000000000000\r\n", ResponseFault::length},
    {HEAD "Content-Length: 5\r\nContent-Length: 6\r\n", ResponseFault::lengths_differ},
    {HEAD "Transfer-Encoding: gzip, chunked\r\n", ResponseFault::coding},
    {HEAD "Transfer-Encoding: chunked x\r\n", ResponseFault::coding},
    {HEAD "Transfer-Encoding: xchunked\r\n", ResponseFault::coding},
    {HEAD "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", ResponseFault::coding},
    {HEAD "Transfer-Encoding: \r\n", ResponseFault::coding},
    {HEAD "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
     ResponseFault::coding_and_length},
    {HEAD "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
     ResponseFault::coding_and_length},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ResponseFault::coding_in_1_0},
    {CHUNKED "\r\n", ResponseFault::chunk_size},
    {CHUNKED "g\r\n", ResponseFault::chunk_size},
    {CHUNKED "0x5\r\n", ResponseFault::chunk_size},
    {CHUNKED "5 \r\n", ResponseFault::chunk_size},
    {CHUNKED "-5\r\n", ResponseFault::chunk_size},
    {CHUNKED "8000000000000000\r\n", ResponseFault::chunk_size},
    {CHUNKED "00000000000000005\r\n", ResponseFault::chunk_size},
    {CHUNKED "5\nhello", ResponseFault::line_end},
    {CHUNKED "5;a\nhello", ResponseFault::line_end},
    {CHUNKED "5;\x01\r\n", ResponseFault::chunk_extension},
    {CHUNKED "5\r\nhello!\r\n", ResponseFault::chunk_end},
    {CHUNKED "5\r\nhello\n0\r\n", ResponseFault::chunk_end},
    {CHUNKED "5\r\nhello\r0", ResponseFault::chunk_end},
    {CHUNKED "0\r\n: x\r\n", ResponseFault::trailer},
    {CHUNKED "0\r\nA: \x02\r\n", ResponseFault::trailer},
    {CHUNKED "0\r\nA: b\n", ResponseFault::line_end},
    {CHUNKED "0\r\n\rx", ResponseFault::line_end},
};
#undef CHUNKED
#undef HEAD

TEST(ResponseParser, RefusesWhatTheFramingDoesNotAllow) {
  for (const Bad& each : bad) {
    const Found found = found_in({each.text});
    EXPECT_EQ(text_of(found.fault), text_of(each.fault)) << each.text;
    EXPECT_FALSE(found.ended) << each.text;
    EXPECT_EQ(found_in(bytes_of(each.text)), found) << each.text;
  }
}

TEST(ResponseParser, ANulIsNoCharacterOfAHead) {
  const std::string_view text("HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n", 26);
  EXPECT_EQ(found_in({text}).fault, ResponseFault::header_value);
}

TEST(ResponseParser, BoundsHeadsChunkExtensionsAndTrailersTogether) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  struct Row {
    std::string start, again;
  };
  for (const Row& row :
       {Row{"HTTP/1.1 200 OK\r\n", "X-Filler: 0123456789\r\n"},
        Row{"", "HTTP/1.1 100 Continue\r\n\r\n"}, Row{chunked, "1;extension=0123456789\r\nx\r\n"},
        Row{chunked + "1;", "0123456789"}, Row{chunked + "0\r\n", "X-Filler: 0123456789\r\n"}}) {
    std::string text = row.start;
    while (text.size() < 4 * ResponseParser::most_head) text += row.again;
    const Found found = found_in({text});
    EXPECT_EQ(text_of(found.fault), text_of(ResponseFault::head_too_large)) << row.again;
    EXPECT_LE(found.used, 3 * ResponseParser::most_head) << row.again;
  }
  std::string chunks = chunked;
  for (int i = 0; i < 100'000; ++i) chunks += "1\r\nx\r\n";
  EXPECT_EQ(found_in({chunks + "0\r\n\r\n"}).body.size(), 100'000U)
      << "what each chunk needs is not counted";
}

}  // namespace
}  // namespace protocol
