// The option values of HTTP: URLs, headers, statuses, and what contradicts what.
#include "client/options/http_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "client/options/options.hpp"
#include "echo/exit_code.hpp"

namespace client {
namespace {

using testing::HasSubstr;

struct Url {
  const char* text;
  const char* host;
  std::uint16_t port;
  const char* path;
  const char* header;  ///< of Host
};

TEST(Urls, HaveAHostAPortAndAPath) {
  for (const Url& url :
       {Url{"http://localhost", "localhost", 80, "/", "localhost"},
        Url{"HTTP://h:80/", "h", 80, "/", "h"},
        Url{"http://h:8080/a/b?c=d&e", "h", 8080, "/a/b?c=d&e", "h:8080"},
        Url{"http://h?c", "h", 80, "/?c", "h"}, Url{"http://[::1]/x", "::1", 80, "/x", "[::1]"},
        Url{"http://[::1]:81", "::1", 81, "/", "[::1]:81"}}) {
    const Target target = parse_url(url.text);
    EXPECT_EQ(target.host, url.host) << url.text;
    EXPECT_EQ(target.first_port, url.port) << url.text;
    EXPECT_EQ(target.last_port, url.port) << url.text;
    EXPECT_EQ(target.path, url.path) << url.text;
    EXPECT_EQ(host_header(target), url.header) << url.text;
  }
}

template <typename Parse>
std::string refusal(Parse parse, const std::string& text) {
  try {
    parse(text);
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).find_first_of("\r\n"), std::string::npos) << "one line";
    return error.what();
  }
  ADD_FAILURE() << text << " was accepted";
  return "";
}

TEST(Urls, ThatCannotBeUsedAreRefusedWithWhatIsAllowed) {
  for (const char* text : {"https://h/", "ftp://h/", "http://", "http:///x", "http://:80/",
                           "http://a b/", "http://a\r\nX: y/"})
    EXPECT_THAT(refusal(parse_url, text), HasSubstr("http://HOST[:PORT][/PATH]")) << text;
  for (const char* text : {"http://h/a b", "http://h/a\r\nX: y", "http://h/\x01", "http://h/\x7f",
                           "http://h/\xc3\xa4", "http://h/a#b"})
    EXPECT_THAT(refusal(parse_url, text), HasSubstr("visible ASCII")) << text;
  EXPECT_THAT(refusal(parse_url, "http://::1/"), HasSubstr("brackets"));
  EXPECT_THAT(refusal(parse_url, "http://u:p@h/"), HasSubstr("Authorization"));
  for (const char* text : {"http://h:x/", "http://h:65536/", "http://[::1/"})
    refusal(parse_url, text);
}

TEST(Headers, AreANameAndAValue) {
  EXPECT_EQ(parse_header("A: b"), "A: b");
  EXPECT_EQ(parse_header("x-y:  c d\t"), "x-y: c d");
  EXPECT_EQ(parse_header("Empty:"), "Empty: ");
  for (const char* text :
       {"", "A", ": b", "A : b", "A b: c", "A: b\r\nC: d", "A: b\n", "A\r: b", "A: \x01", "(: b"})
    EXPECT_THAT(refusal(parse_header, text), HasSubstr("'Name: value'")) << text;
  EXPECT_THROW(parse_header(std::string("A: \0b", 5)), std::invalid_argument);
  for (const char* text : {"content-LENGTH: 5", "Transfer-Encoding: chunked"})
    EXPECT_THAT(refusal(parse_header, text), HasSubstr("itself")) << text;
}

TEST(Statuses, AreFinalOnes) {
  EXPECT_EQ(parse_status("200"), 200);
  EXPECT_EQ(parse_status("599"), 599);
  for (const char* text : {"", "100", "199", "600", "2xx", "-200", "99999"})
    EXPECT_THAT(refusal(parse_status, text), HasSubstr("200 to 599")) << text;
}

TEST(ExpectedBodies, AreTheTextOrTheBytesOfAFile) {
  EXPECT_EQ(parse_expected_body("hello"), "hello");
  EXPECT_EQ(parse_expected_body(""), "");
  refusal(parse_expected_body, "@/nonexistent");
  EXPECT_THAT(refusal(parse_expected_body, "@"), HasSubstr("file name"));
}

TEST(HttpOptions, ThatContradictEachOtherAreRefused) {
  const auto refused = [](const auto& set, bool url = false) {
    Options options;
    if (url) options.target = parse_url("http://localhost/");
    set(options);
    try {
      check(options);
    } catch (const echo::Exit& exit) {
      return std::string(exit.what());
    }
    return std::string();
  };
  const auto http = ProtocolName::http;
  EXPECT_EQ(refused([](Options&) {}, true), "");
  EXPECT_EQ(refused([=](Options& o) { o.given_protocol = http; }), "");
  EXPECT_EQ(refused([=](Options& o) { o.given_protocol = http; }, true), "");
  EXPECT_THAT(refused([](Options& o) { o.given_protocol = ProtocolName::echo; }, true),
              HasSubstr("--protocol echo"));
  EXPECT_THAT(refused([](Options& o) { o.headers = {"A: b"}; }), HasSubstr("only with HTTP"));
  EXPECT_THAT(refused([](Options& o) { o.expect_status = 200; }), HasSubstr("only with HTTP"));
  EXPECT_THAT(refused([](Options& o) { o.expect_body = ""; }), HasSubstr("only with HTTP"));
  EXPECT_THAT(refused([](Options& o) { o.data = "x"; }, true), HasSubstr("not with a URL"));
  EXPECT_THAT(refused([](Options& o) { o.sizes = MessageSizes{65}; }, true),
              HasSubstr("not with a URL"));
  EXPECT_THAT(refused([=](Options& o) {
                o.given_protocol = http;
                o.expect_body = "x";
              }),
              HasSubstr("only with a URL"));
  EXPECT_THAT(refused([=](Options& o) {
                o.given_protocol = http;
                o.calibrate = true;
              }),
              HasSubstr("--calibrate"));
  EXPECT_THAT(refused([=](Options& o) {
                o.given_protocol = http;
                o.target.host = "a\r\nX: y";
              }),
              HasSubstr("Host header"));
  EXPECT_THAT(refused([=](Options& o) {
                o.given_protocol = http;
                o.target.last_port = static_cast<std::uint16_t>(o.target.first_port + 1);
              }),
              HasSubstr("one port"));
  const auto with_close = [](const char* header, std::uint32_t depth) {
    return [header, depth](Options& o) {
      o.headers = {"A: close", header};
      o.depth = depth;
    };
  };
  for (const char* header : {"Connection: close", "connection: keep-alive , CLOSE"}) {
    EXPECT_THAT(refused(with_close(header, 2), true), HasSubstr("--depth")) << header;
    EXPECT_EQ(refused(with_close(header, 1), true), "") << header;
  }
  EXPECT_THAT(refused(
                  [](Options& o) {
                    o.headers = {"Connection: close"};
                    o.mode = Mode::churn;
                    o.messages = 2;
                  },
                  true),
              HasSubstr("-m 1"));
  for (const char* header : {"Connection: keep-alive", "Connection: closed", "Connection: "})
    EXPECT_EQ(refused(with_close(header, 2), true), "") << header;
}

}  // namespace
}  // namespace client
