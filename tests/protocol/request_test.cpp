// Heads that are read without Boost.Beast are read as Beast reads them.
#include "protocol/http/request.hpp"

#include <gtest/gtest.h>

#include <random>
#include <span>
#include <string>
#include <string_view>

#include "protocol/http/status.hpp"
#include "tests/protocol/http_driver.hpp"
#include "tests/protocol/wire_cases.hpp"

namespace tests {
namespace {

using protocol::Method;
using Kind = protocol::Resource::Kind;

TEST(Request, IsTheSameWithBeastAndWithoutInEachWireCase) {
  for (const WireCase& each : wire_cases()) EXPECT_TRUE(is_read_alike(each.sent)) << each.name;
}

TEST(Request, IsTheSameWithBeastAndWithoutForRandomHeads) {
  constexpr std::string_view starts[] = {"GET /",       "GET /bytes/7?x", "HEAD /bytes/x",
                                         "HEAD *",      "GET http://a/",  "GET http://:1/",
                                         "POST /",      "OPTIONS *",      "get /",
                                         "GETS /",      "GET a",          "HEAD http://a%zz/",
                                         "DELETE /",    "BREW /",         "HEAD /echo",
                                         "CONNECT a:1", "GET *",          "GET /:?%00"};
  constexpr std::string_view versions[] = {"1.1", "1.1", "1.1", "1.1", "1.0", "1.9"};
  constexpr std::string_view names[] = {"Host",
                                        "host",
                                        "HOST",
                                        "Hosts",
                                        "Accept",
                                        "Expect",
                                        "User-Agent",
                                        "expect",
                                        "Connection",
                                        "coNNection",
                                        "Content-Length",
                                        "Transfer-Encoding",
                                        "Te",
                                        "Content-Range4",
                                        "A",
                                        "Proxy-Connection",
                                        "proxy-connectioN",
                                        "Pragma-Attribute",
                                        "Cache-Ctrl",
                                        "ehlops",
                                        "TTTTTTTTTTTTTTTTT"};
  constexpr std::string_view values[] = {"",
                                         "a",
                                         " 127.0.0.1:80",
                                         "\t[::1]:80 \t",
                                         "a%41",
                                         "a%4",
                                         "close",
                                         "a b",
                                         "chunked",
                                         "5",
                                         "[]",
                                         "100-continue",
                                         "a:b",
                                         " \xff ",
                                         "keep-alive",
                                         "wrk/4.1.0",
                                         ":",
                                         "GET / HTTP/1.1"};
  std::mt19937 random{7};  // NOLINT: the same heads each time
  const auto one_of = [&random](const auto& list) { return list[random() % std::size(list)]; };
  int usual = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string head{one_of(starts)};
    head += " HTTP/" + std::string{one_of(versions)} + "\r\n";
    if (random() % 4 != 0) head += "Host: a\r\n";
    for (auto left = random() % 4; left > 0; --left)
      head += std::string{one_of(names)} + ":" + std::string{one_of(values)} + "\r\n";
    head += "\r\n";
    ASSERT_TRUE(is_read_alike(head)) << head;
    usual += protocol::read_usual_request(head) ? 1 : 0;
  }
  EXPECT_GT(usual, 5'000);
}

TEST(Request, OfAUsualHeadHasItsMethodResourceAndHost) {
  const auto read = [](std::string_view head) {
    return protocol::read_usual_request(head).value_or(
        protocol::Request{.error = 1, .resource = {}});
  };
  const protocol::Request get = read("GET /bytes/12 HTTP/1.1\r\nAccept: */*\r\nHost: a\r\n\r\n");
  EXPECT_EQ(get.method, Method::get);
  EXPECT_EQ(get.resource, (protocol::Resource{Kind::bytes, 12}));
  EXPECT_TRUE(get.keeps_alive);
  EXPECT_EQ(get.error, 0U);
  EXPECT_EQ(read("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").method, Method::head);
  for (const char* fields : {"", "Host: a\r\nHost: a\r\n", "Host: a/b\r\n", "Host: a%\r\n"}) {
    const std::string head = "GET / HTTP/1.1\r\n" + std::string{fields} + "\r\n";
    EXPECT_EQ(read(head).error, protocol::status::bad_request) << fields;
  }
}

TEST(Request, IsLeftToBeastWhereAFieldMayMatter) {
  for (const char* field :
       {"connection", "Content-Length", "TRANSFER-ENCODING", "expect", "Proxy-Connection"}) {
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n" + std::string{field} + ": x\r\n\r\n";
    EXPECT_FALSE(protocol::read_usual_request(head)) << field;
  }
  for (const char* start : {"POST / HTTP/1.1", "GET / HTTP/1.0", "get / HTTP/1.1"}) {
    const std::string head = std::string{start} + "\r\nHost: a\r\n\r\n";
    EXPECT_FALSE(protocol::read_usual_request(head)) << start;
  }
}

}  // namespace
}  // namespace tests
