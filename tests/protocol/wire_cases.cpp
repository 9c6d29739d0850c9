#include "tests/protocol/wire_cases.hpp"

#include <algorithm>
#include <iterator>

namespace tests {
namespace {

using std::string_literals::operator""s;

constexpr std::size_t max_header = 16384;

/// A request with these lines after the request line, each without its CRLF.
std::string request(const std::string& line, const std::vector<std::string>& fields = {"Host: a"},
                    const std::string& body = "") {
  std::string text = line + "\r\n";
  for (const std::string& each : fields) text += each + "\r\n";
  return text + "\r\n" + body;
}
std::string get(const std::vector<std::string>& fields = {"Host: a"}) {
  return request("GET / HTTP/1.1", fields);
}
std::string with(const std::string& field) {
  return get({"Host: a", field});
}
std::string post(const std::vector<std::string>& fields, const std::string& body) {
  std::vector<std::string> all{"Host: a"};
  all.insert(all.end(), fields.begin(), fields.end());
  return request("POST /echo HTTP/1.1", all, body);
}
std::string chunked(const std::string& body) {
  return post({"Transfer-Encoding: chunked"}, body);
}
/// A body of `length` by Content-Length, to a server that might take the rest as a request.
std::string length(const std::string& value) {
  return post({"Content-Length: " + value}, "hello");
}
std::string repeated(std::size_t size, char character = 'x') {
  return std::string(size, character);
}

std::vector<WireCase> request_lines() {
  const std::string too_long = "GET /" + repeated(max_header) + " HTTP/1.1";
  return {
      {"ASimpleGet", "9110 9.3.1", get(), "200", "ok"},
      {"AnEmptyLineBeforeTheRequest", "9112 2.2", "\r\n" + get(), "200", "ok"},
      {"TwoEmptyLinesBeforeTheRequest", "9112 2.2", "\r\n\r\n" + get(), "400 close"},
      {"ALineFeedBeforeTheRequest", "9112 2.2", "\n" + get(), "400 close"},
      {"ASpaceBeforeTheMethod", "9112 3", request(" GET / HTTP/1.1"), "400 close"},
      {"TwoSpacesAfterTheMethod", "9112 3", request("GET  / HTTP/1.1"), "400 close"},
      {"ATabAfterTheMethod", "9112 3", request("GET\t/ HTTP/1.1"), "400 close"},
      {"TwoSpacesBeforeTheVersion", "9112 3", request("GET /  HTTP/1.1"), "400 close"},
      {"ATabBeforeTheVersion", "9112 3", request("GET /\tHTTP/1.1"), "400 close"},
      {"ASpaceAfterTheVersion", "9112 3", request("GET / HTTP/1.1 "), "400 close"},
      {"ASpaceInTheTarget", "9112 3.2", request("GET /a b HTTP/1.1"), "400 close"},
      {"NoTarget", "9112 3", request("GET HTTP/1.1"), "400 close"},
      {"NoMethod", "9112 3", request("/ HTTP/1.1"), "400 close"},
      {"NoVersion", "9112 3", request("GET /"), "400 close"},
      {"ABareLineFeedAfterTheRequestLine", "9112 2.2", "GET / HTTP/1.1\nHost: a\r\n\r\n",
       "400 close"},
      {"ABareCarriageReturnInTheRequestLine", "9112 2.2", request("GET /\rx HTTP/1.1"),
       "400 close"},
      {"ANulInTheTarget", "9112 3", request("GET /\0 HTTP/1.1"s), "400 close"},
      {"AControlCharacterInTheTarget", "9112 3", request("GET /\x01 HTTP/1.1"), "400 close"},
      {"ADelInTheTarget", "9112 3", request("GET /\x7f HTTP/1.1"), "400 close"},
      {"AByteAboveAsciiInTheTarget", "9112 3.2", request("GET /\xc3\xa9 HTTP/1.1"), "400 close"},
      {"AFragmentInTheTarget", "9112 3.2", request("GET /#top HTTP/1.1"), "400 close"},
      {"AMethodInLowerCase", "9110 9.1", request("get / HTTP/1.1"), "501 close"},
      {"AnUnknownMethod", "9110 9.1", request("BREW / HTTP/1.1"), "501 close"},
      {"AMethodWithAnInvalidCharacter", "9112 3.1", request("G@T / HTTP/1.1"), "400 close"},
      {"AMethodLongerThanAHead", "9112 3", repeated(max_header + 1, 'G'), "501 close"},
      {"ATargetLongerThanAHead", "9112 3", too_long, "414 close"},
      {"ATargetOfEightThousandBytes", "9112 3", request("GET /?" + repeated(8000) + " HTTP/1.1"),
       "200", "ok"},
      {"TheBeginningOfTls", "9112 3", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, "400 close"},
      {"TheVersionInLowerCase", "9112 2.3", request("GET / http/1.1"), "400 close"},
      {"AVersionWithoutMinor", "9112 2.3", request("GET / HTTP/1"), "400 close"},
      {"AVersionWithTwoDigits", "9112 2.3", request("GET / HTTP/1.10"), "400 close"},
      {"AVersionWithLeadingZero", "9112 2.3", request("GET / HTTP/01.1"), "400 close"},
      {"AnotherProtocolsName", "9112 2.3", request("GET / HTTPS/1.1"), "400 close"},
      {"AVersionOfLetters", "9112 2.3", request("GET / HTTP/x.y"), "400 close"},
      {"Version20", "9110 15.6.6", request("GET / HTTP/2.0"), "505 close"},
      {"Version09", "9110 15.6.6", request("GET / HTTP/0.9"), "505 close"},
      {"ThePrefaceOfHttp2", "9110 15.6.6", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 close"},
      {"Version12IsServedAs11", "9110 2.5", request("GET / HTTP/1.2"), "200", "ok"},
      {"Version19IsServedAs11", "9110 2.5", request("GET / HTTP/1.9"), "200", "ok"},
  };
}

std::vector<WireCase> targets_and_hosts() {
  const auto host = [](const std::string& value) { return get({"Host: " + value}); };
  const auto target = [](const std::string& text, const std::string& method = "GET") {
    return request(method + " " + text + " HTTP/1.1");
  };
  return {
      {"AQuery", "9110 4.2.3", target("/?a=b&c"), "200", "ok"},
      {"AnAbsoluteTarget", "9112 3.2.2", target("http://a/bytes/3"), "200", "abc"},
      {"AnAbsoluteTargetWithAPort", "9112 3.2.2", target("http://a:80/"), "200", "ok"},
      {"AnAbsoluteTargetWithoutAPath", "9112 3.2.2", target("http://a"), "200", "ok"},
      {"AnAbsoluteTargetWithAQueryOnly", "9112 3.2.2", target("http://a?b"), "200", "ok"},
      {"ASchemeInUpperCase", "9110 4.2.3", target("HTTP://a/"), "200", "ok"},
      {"AnAbsoluteTargetWithoutAHost", "9110 4.2.1", target("http:///"), "400 close"},
      {"AnAbsoluteTargetWithUserInformation", "9110 4.2.4", target("http://u@a/"), "400 close"},
      {"AnotherScheme", "9112 3.2.2", target("ftp://a/"), "400 close"},
      {"ATargetWithoutASlash", "9112 3.2", target("bytes/3"), "400 close"},
      {"AnAsteriskForGet", "9112 3.2.4", target("*"), "400 close"},
      {"AnAbsoluteTargetStillNeedsAHostField", "9112 3.2.2", request("GET http://a/ HTTP/1.1", {}),
       "400 close"},
      {"TheHostFieldMayDifferFromTheTarget", "9112 3.2.2",
       request("GET http://a/ HTTP/1.1", {"Host: b"}), "200", "ok"},
      {"NoHost", "9112 3.2", get({}), "400 close"},
      {"TwoHosts", "9112 3.2", get({"Host: a", "Host: a"}), "400 close"},
      {"TwoHostsOfWhichOneIsLast", "9112 3.2", get({"Host: a", "Accept: b", "host: b"}),
       "400 close"},
      {"AnEmptyHost", "9112 3.2", host(""), "200", "ok"},
      {"AHostWithAPort", "9110 7.2", host("example.com:8080"), "200", "ok"},
      {"AHostWithAnEmptyPort", "9110 7.2", host("example.com:"), "200", "ok"},
      {"AnIpv6Host", "9110 7.2", host("[::1]:80"), "200", "ok"},
      {"AnIpv6HostWithoutEnd", "9110 7.2", host("[::1"), "400 close"},
      {"AHostWithAPath", "9110 7.2", host("a/b"), "400 close"},
      {"AHostWithASpace", "9110 7.2", host("a b"), "400 close"},
      {"AHostWithUserInformation", "9110 7.2", host("u@a"), "400 close"},
      {"AHostWithAPortOfLetters", "9110 7.2", host("a:http"), "400 close"},
      {"AListOfHosts", "9110 7.2", host("a, b"), "400 close"},
      {"AnInvalidHostInHttp10", "9112 3.2", request("GET / HTTP/1.0", {"Host: a b"}), "400 close"},
      {"TwoHostsInHttp10", "9112 3.2", request("GET / HTTP/1.0", {"Host: a", "Host: a"}),
       "400 close"},
      {"NoHostInHttp10", "9112 3.2", request("GET / HTTP/1.0", {}), "200 close", "ok"},
  };
}

std::vector<WireCase> fields() {
  return {
      {"ASpaceBeforeTheColon", "9112 5.1", with("X : y"), "400 close"},
      {"ATabBeforeTheColon", "9112 5.1", with("X\t: y"), "400 close"},
      {"ASpaceBeforeTheColonOfContentLength", "9112 5.1", post({"Content-Length : 5"}, "hello"),
       "400 close"},
      {"ALineWithoutColon", "9112 5", with("X"), "400 close"},
      {"AnEmptyName", "9112 5.1", with(": y"), "400 close"},
      {"ASpaceInAName", "9110 5.1", with("X Y: z"), "400 close"},
      {"AnInvalidCharacterInAName", "9110 5.1", with("X(Y): z"), "400 close"},
      {"AByteAboveAsciiInAName", "9110 5.1", with("\xc3\xa9: z"), "400 close"},
      {"ANulInAName", "9110 5.1", with("X\0Y: z"s), "400 close"},
      {"AnEmptyValue", "9110 5.5", with("X:"), "200", "ok"},
      {"NoSpaceAfterTheColon", "9112 5", with("X:y"), "200", "ok"},
      {"WhiteSpaceAroundAValue", "9112 5.1", with("X: \t y \t "), "200", "ok"},
      {"ATabInAValue", "9110 5.5", with("X: a\tb"), "200", "ok"},
      {"BytesAboveAsciiInAValue", "9110 5.5", with("X: \xc3\xa9"), "200", "ok"},
      {"ANulInAValue", "9110 5.5", with("X: a\0b"s), "400 close"},
      {"AControlCharacterInAValue", "9110 5.5",
       with("X: a\x01"
            "b"),
       "400 close"},
      {"ADelInAValue", "9110 5.5", with("X: a\x7f"), "400 close"},
      {"ABareCarriageReturnInAValue", "9112 2.2", with("X: a\rb"), "400 close"},
      {"ABareLineFeedInAValue", "9112 2.2", with("X: a\nY: b"), "400 close"},
      {"ALineFeedAfterALineFeed", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\n\n", "400 close"},
      {"ABareLineFeedAtTheEnd", "9112 2.2", "GET / HTTP/1.1\r\nHost: a\r\n\n", "400 close"},
      {"AFoldedLine", "9112 5.2", with("X: a\r\n b"), "400 close"},
      {"ALineFoldedWithATab", "9112 5.2", with("X: a\r\n\tb"), "400 close"},
      {"ASpaceBeforeTheFirstField", "9112 2.2", get({" Host: a"}), "400 close"},
      {"AFoldedContentLength", "9112 5.2", post({"Content-Length:\r\n 5"}, "hello"), "400 close"},
      {"NamesInAnyCase", "9110 5.1", request("GET / HTTP/1.1", {"HOST: a", "cOnNeCtIoN: ClOsE"}),
       "200 close", "ok"},
      {"AHeadAsLongAsAllowed", "6585 5", with("X: " + repeated(max_header - get().size() - 5)),
       "200", "ok"},
      {"AHeadOneByteTooLong", "6585 5", with("X: " + repeated(max_header - get().size() - 4)),
       "431 close"},
      {"AFieldWithoutEnd", "6585 5", "GET / HTTP/1.1\r\nX: " + repeated(max_header), "431 close"},
      {"ManyShortFields", "6585 5", get(std::vector<std::string>(max_header / 6, "X: y")),
       "431 close"},
      {"AnUnknownField", "9110 5.1", with("X-Unknown: 1"), "200", "ok"},
      {"AnUpgradeIsIgnored", "9110 7.8", get({"Host: a", "Connection: Upgrade", "Upgrade: h2c"}),
       "200", "ok"},
      {"AnInvalidConnectionList", "9110 7.6.1", with("Connection: @"), "400 close"},
  };
}

std::vector<WireCase> framings() {
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto coding = [&](const std::string& value) {
    return post({"Transfer-Encoding: " + value}, "0\r\n\r\n" + smuggled);
  };
  return {
      {"AContentLength", "9112 6.2", length("5"), "200", "hello"},
      {"AContentLengthWithLeadingZeros", "9110 8.6", length("0005"), "200", "hello"},
      {"AContentLengthOfZero", "9112 6.2", post({"Content-Length: 0"}, ""), "200", ""},
      {"NoContentLength", "9112 6.3", post({}, ""), "200", ""},
      {"ContentLengthInAnyCase", "9110 5.1", post({"content-length: 5"}, "hello"), "200", "hello"},
      {"ASignedContentLength", "9112 6.3", length("+5"), "400 close"},
      {"ANegativeContentLength", "9112 6.3", length("-5"), "400 close"},
      {"AHexadecimalContentLength", "9112 6.3", length("0x5"), "400 close"},
      {"ASpaceInAContentLength", "9112 6.3", length("1 0"), "400 close"},
      {"AFractionalContentLength", "9112 6.3", length("5.0"), "400 close"},
      {"AnEmptyContentLength", "9112 6.3", length(""), "400 close"},
      {"ALengthOfLetters", "9112 6.3", length("five"), "400 close"},
      {"ALengthInQuotes", "9112 6.3", length("\"5\""), "400 close"},
      {"AContentLengthOfTwoToThe63", "9112 6.3", length("9223372036854775808"), "400 close"},
      {"AContentLengthOfTwoToThe64Plus5", "9112 6.3", length("18446744073709551621"), "400 close"},
      {"AContentLengthOf100Digits", "9112 6.3", length(repeated(100, '1')), "400 close"},
      {"AListOfEqualLengths", "9112 6.3", length("5, 5"), "400 close"},
      {"AListOfUnequalLengths", "9112 6.3", length("5, 6"), "400 close"},
      {"AListWithAnEmptyMember", "9112 6.3", length("5,"), "400 close"},
      {"TwoEqualContentLengths", "9112 6.3",
       post({"Content-Length: 5", "Content-Length: 5"}, "hello"), "400 close"},
      {"TwoUnequalContentLengths", "9112 6.3",
       post({"Content-Length: 5", "Content-Length: 0"}, "hello"), "400 close"},
      {"AContentLengthAboveTheLimit", "9110 15.5.14",
       post({"Content-Length: " + std::to_string(wire_cases_max_body + 1)}, ""), "413 close"},
      {"BothFramings", "9112 6.1",
       post({"Content-Length: 5", "Transfer-Encoding: chunked"}, "0\r\n\r\n" + smuggled),
       "400 close"},
      {"BothFramingsInTheOtherOrder", "9112 6.1",
       post({"Transfer-Encoding: chunked", "Content-Length: 5"}, "0\r\n\r\n" + smuggled),
       "400 close"},
      {"BothFramingsAndALengthOfZero", "9112 6.1",
       post({"Content-Length: 0", "Transfer-Encoding: chunked"}, "0\r\n\r\n" + smuggled),
       "400 close"},
      {"ChunkedInHttp10", "9112 6.1",
       request("POST /echo HTTP/1.0", {"Host: a", "Transfer-Encoding: chunked"}, "0\r\n\r\n"),
       "400 close"},
      {"ChunkedInAnyCase", "9112 7", post({"Transfer-Encoding: ChUnKeD"}, "0\r\n\r\n"), "200", ""},
      {"WhiteSpaceAroundChunked", "9112 5.1", post({"Transfer-Encoding: \tchunked "}, "0\r\n\r\n"),
       "200", ""},
      {"AVerticalTabBeforeChunked", "9112 7", coding("\vchunked"), "400 close"},
      {"ChunkedWithASuffix", "9112 6.3", coding("chunkedx"), "400 close"},
      {"ChunkedWithAPrefix", "9112 6.3", coding("xchunked"), "400 close"},
      {"ChunkedInQuotes", "9112 6.3", coding("\"chunked\""), "400 close"},
      {"ChunkedWithAParameter", "9112 7", coding("chunked;q=1"), "400 close"},
      {"Identity", "9112 6.3", coding("identity"), "400 close"},
      {"AnEmptyCoding", "9112 6.3", coding(""), "400 close"},
      {"GzipOnly", "9112 6.3", coding("gzip"), "400 close"},
      {"GzipThenChunked", "9112 6.1", coding("gzip, chunked"), "501 close"},
      {"ChunkedThenGzip", "9112 6.3", coding("chunked, gzip"), "400 close"},
      {"ChunkedTwice", "9112 6.1", coding("chunked, chunked"), "400 close"},
      {"ChunkedAndAnEmptyMember", "9112 6.3", coding("chunked,"), "400 close"},
      {"TwoFieldsOfChunked", "9112 6.1",
       post({"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, "0\r\n\r\n"),
       "400 close"},
      {"TwoFieldsOfWhichTheLastIsIdentity", "9112 6.3",
       post({"Transfer-Encoding: chunked", "Transfer-Encoding: identity"}, "0\r\n\r\n"),
       "400 close"},
      {"ASpaceBeforeTheColonOfTransferEncoding", "9112 5.1",
       post({"Transfer-Encoding : chunked"}, "0\r\n\r\n" + smuggled), "400 close"},
      {"AnotherNameThanTransferEncoding", "9112 6.1",
       post({"Transfer_Encoding: chunked", "Content-Length: 5"}, "hello"), "200", "hello"},
      {"AGetWithABody", "9110 9.3.1",
       request("GET / HTTP/1.1", {"Host: a", "Content-Length: 5"}, "GET /"), "200", "ok"},
      {"AGetWithAChunkedBody", "9110 9.3.1",
       request("GET / HTTP/1.1", {"Host: a", "Transfer-Encoding: chunked"},
               "5\r\nGET /\r\n0\r\n\r\n"),
       "200", "ok"},
      {"AHeadWithABody", "9110 9.3.2",
       request("HEAD / HTTP/1.1", {"Host: a", "Content-Length: 5"}, "GET /"), "200", "",
       "Content-Length: 2", 1},
  };
}

std::vector<WireCase> chunks() {
  const auto sized = [](const std::string& size) {
    return chunked(size + "\r\nhello\r\n0\r\n\r\n");
  };
  return {
      {"OneChunk", "9112 7.1", sized("5"), "200", "hello"},
      {"SeveralChunks", "9112 7.1", chunked("5\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\n\r\n"),
       "200", "hello, world"},
      {"AnEmptyChunkedBody", "9112 7.1", chunked("0\r\n\r\n"), "200", ""},
      {"ASizeInUpperCase", "9112 7.1", chunked("A\r\n0123456789\r\n0\r\n\r\n"), "200",
       "0123456789"},
      {"ASizeInLowerCase", "9112 7.1", chunked("a\r\n0123456789\r\n0\r\n\r\n"), "200",
       "0123456789"},
      {"LeadingZerosOfASize", "9112 7.1", sized("0005"), "200", "hello"},
      {"SeveralZerosAsTheLastChunk", "9112 7.1", chunked("5\r\nhello\r\n000\r\n\r\n"), "200",
       "hello"},
      {"LineEndsInTheData", "9112 7.1", chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"), "200", "\r\n\r\n"},
      {"AnExtension", "9112 7.1.1", sized("5;a"), "200", "hello"},
      {"AnExtensionWithAValue", "9112 7.1.1", sized("5;a=b;c=\"d;\\\"e\""), "200", "hello"},
      {"WhiteSpaceInAnExtension", "9112 7.1.1", sized("5 ; a = b"), "200", "hello"},
      {"AnExtensionOfTheLastChunk", "9112 7.1.1", chunked("5\r\nhello\r\n0;a=b\r\n\r\n"), "200",
       "hello"},
      {"ASignedSize", "9112 7.1", sized("+5"), "400 close"},
      {"ANegativeSize", "9112 7.1", sized("-5"), "400 close"},
      {"ASizeWithAPrefix", "9112 7.1", sized("0x5"), "400 close"},
      {"ASizeWithAnUnderscore", "9112 7.1", sized("0_5"), "400 close"},
      {"NoSize", "9112 7.1", sized(""), "400 close"},
      {"ASizeOfLetters", "9112 7.1", sized("xyz"), "400 close"},
      {"ASpaceBeforeASize", "9112 7.1", sized(" 5"), "400 close"},
      {"ASpaceAfterASize", "9112 7.1", sized("5 "), "400 close"},
      {"ATabAfterASize", "9112 7.1", sized("5\t"), "400 close"},
      {"ASizeOfTwoToThe63", "9112 7.1", sized("8000000000000000"), "400 close"},
      {"ASizeOfTwoToThe64Plus5", "9112 7.1", sized("10000000000000005"), "400 close"},
      {"ASizeOf17Digits", "9112 7.1", sized("00000000000000005"), "400 close"},
      {"ABareLineFeedAfterASize", "9112 7.1", chunked("5\nhello\r\n0\r\n\r\n"), "400 close"},
      {"ABareCarriageReturnAfterASize", "9112 7.1", chunked("5\rhello\r\n0\r\n\r\n"), "400 close"},
      {"AnExtensionWithoutName", "9112 7.1.1", sized("5;"), "400 close"},
      {"AnExtensionWithoutValue", "9112 7.1.1", sized("5;a="), "400 close"},
      {"AnExtensionWithABareLineFeed", "9112 7.1.1", sized("5;a\nb"), "400 close"},
      {"AQuotedExtensionWithALineEnd", "9112 7.1.1", sized("5;a=\"\r\n\""), "400 close"},
      {"AnExtensionWithAControlCharacter", "9112 7.1.1", sized("5;a=\"\x01\""), "400 close"},
      {"ExtensionsLongerThanAHead", "9112 7.1.1", sized("5;a=" + repeated(max_header)),
       "431 close"},
      {"ATrailer", "9112 7.1.2", chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n"), "200", "hello"},
      {"ATrailerIsNoHeader", "9110 6.5.1",
       chunked("5\r\nhello\r\n0\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"), "200",
       "hello"},
      {"AnInvalidTrailer", "9112 7.1.2", chunked("0\r\nX : y\r\n\r\n"), "400 close"},
      {"AFoldedTrailer", "9112 7.1.2", chunked("0\r\nX: y\r\n z\r\n\r\n"), "400 close"},
      {"ABareLineFeedInATrailer", "9112 7.1.2", chunked("0\r\nX: y\n\r\n"), "400 close"},
      {"TrailersLongerThanAHead", "9112 7.1.2", chunked("0\r\nX: " + repeated(max_header)),
       "431 close"},
      {"AChunkAboveTheLimit", "9110 15.5.14", chunked("100001\r\n"), "413 close"},
      // The answer has begun: it ends unfinished, and the connection is closed.
      {"NoLineEndAfterTheData", "9112 7.1", chunked("5\r\nhello0\r\n\r\n"), "close"},
      {"MoreDataThanTheSizeSays", "9112 7.1", chunked("4\r\nhello\r\n0\r\n\r\n"), "close"},
      {"LessDataThanTheSizeSays", "9112 7.1", chunked("6\r\nhello\r\n0\r\n\r\n"), "close"},
      {"ABareLineFeedAfterTheData", "9112 7.1", chunked("5\r\nhello\n0\r\n\r\n"), "close"},
      {"AnInvalidSecondSize", "9112 7.1", chunked("5\r\nhello\r\nx\r\n"), "close"},
  };
}

std::vector<WireCase> methods_and_resources() {
  const auto call = [](const std::string& method, const std::string& target) {
    return request(method + " " + target + " HTTP/1.1");
  };
  const std::string all = "Allow: GET, HEAD, POST, OPTIONS";
  const std::string text = "Content-Type: text/plain";
  const std::string octets = "Content-Type: application/octet-stream";
  return {
      {"TheTypeOfText", "9110 8.3", get(), "200", "ok", text},
      {"ADate", "9110 6.6.1", get(), "200", "ok", "Date: "},
      {"ABodyOfNBytes", "9110 9.3.1", call("GET", "/bytes/30"), "200",
       "abcdefghijklmnopqrstuvwxyzabcd", octets},
      {"ABodyOfNoBytes", "9110 9.3.1", call("GET", "/bytes/0"), "200", ""},
      {"AHeadOfText", "9110 9.3.2", call("HEAD", "/"), "200", "", "Content-Length: 2", 1},
      {"AHeadOfNBytes", "9110 9.3.2", call("HEAD", "/bytes/9223372036854775807"), "200", "",
       "Content-Length: 9223372036854775807", 1},
      {"ANumberAboveTheLimit", "9110 15.5.5", call("GET", "/bytes/9223372036854775808"), "404"},
      {"ANegativeNumber", "9110 15.5.5", call("GET", "/bytes/-1"), "404"},
      {"NoNumber", "9110 15.5.5", call("GET", "/bytes/"), "404"},
      {"SomethingAfterTheNumber", "9110 15.5.5", call("GET", "/bytes/1/"), "404"},
      {"AnUnknownPath", "9110 15.5.5", call("GET", "/unknown"), "404", "Not Found", text},
      {"AHeadOfAnUnknownPath", "9110 9.3.2", call("HEAD", "/unknown"), "404", "", text, 1},
      {"APathAboveTheRoot", "9110 15.5.5", call("GET", "/../etc/passwd"), "404"},
      {"AnUnknownPathWithABody", "9112 9.6",
       request("POST /unknown HTTP/1.1", {"Host: a", "Content-Length: 5"}, "hello"), "404 close"},
      {"APostToText", "9110 15.5.6", request("POST / HTTP/1.1"), "405", "Method Not Allowed",
       "Allow: GET, HEAD, OPTIONS"},
      {"APostToTextWithABody", "9112 9.6",
       request("POST / HTTP/1.1", {"Host: a", "Content-Length: 5"}, "hello"), "405 close",
       std::nullopt, "Allow: GET, HEAD, OPTIONS"},
      {"AGetOfTheEcho", "9110 15.5.6", call("GET", "/echo"), "405", std::nullopt,
       "Allow: POST, OPTIONS"},
      {"AHeadOfTheEcho", "9110 15.5.6", call("HEAD", "/echo"), "405", "", "Allow: POST, OPTIONS",
       1},
      {"APut", "9110 15.5.6", call("PUT", "/"), "405", std::nullopt, "Allow: GET, HEAD, OPTIONS"},
      {"ADelete", "9110 15.5.6", call("DELETE", "/"), "405"},
      {"APatch", "9110 15.5.6", call("PATCH", "/echo"), "405"},
      {"ATraceIsNotEchoed", "9110 9.3.8", call("TRACE", "/"), "405", "Method Not Allowed"},
      {"AConnect", "9110 9.3.6", call("CONNECT", "a:80"), "501 close"},
      {"OptionsOfTheServer", "9110 9.3.7", call("OPTIONS", "*"), "200", "", all},
      {"OptionsOfTheServerInAbsoluteForm", "9112 3.2.4", call("OPTIONS", "http://a"), "200", "",
       all},
      {"OptionsOfText", "9110 9.3.7", call("OPTIONS", "/"), "200", "", "Allow: GET, HEAD, OPTIONS"},
      {"OptionsOfTheEcho", "9110 9.3.7", call("OPTIONS", "/echo"), "200", "",
       "Allow: POST, OPTIONS"},
      {"OptionsOfAnUnknownPath", "9110 9.3.7", call("OPTIONS", "/unknown"), "404"},
      {"OptionsWithABody", "9110 9.3.7",
       request("OPTIONS * HTTP/1.1", {"Host: a", "Content-Length: 5"}, "hello"), "200", "", all},
      {"OptionsHaveALength", "9110 9.3.7", call("OPTIONS", "*"), "200", "", "Content-Length: 0"},
      {"AnEchoOf100KiB", "9112 6.2", post({"Content-Length: 102400"}, repeated(102400)), "200",
       repeated(102400)},
      {"AChunkedEchoOf100KiB", "9112 7.1",
       chunked("19000\r\n" + repeated(102400) + "\r\n0\r\n\r\n"), "200", repeated(102400)},
      {"AnEchoIsFramedByLengthToo", "9112 6.2", length("5"), "200", "hello", "Content-Length: 5"},
      {"AChunkedEchoIsChunkedToo", "9112 6.1", chunked("1\r\nx\r\n0\r\n\r\n"), "200", "x",
       "Transfer-Encoding: chunked"},
  };
}

std::vector<WireCase> connections() {
  const std::string one = get();
  const auto version_1_0 = [](const std::vector<std::string>& fields) {
    return request("GET / HTTP/1.0", fields);
  };
  const auto expects = [](const std::string& value, const std::string& body = "hello") {
    return post({"Content-Length: 5", "Expect: " + value}, body);
  };
  return {
      {"AConnectionStaysOpen", "9112 9.3", one, "200", "ok"},
      {"TenRequestsInOrder", "9112 9.3.2",
       one + one + one + one + one + one + one + one + one + one,
       "200 200 200 200 200 200 200 200 200 200", "ok"},
      {"DifferentRequestsInOrder", "9112 9.3.2",
       request("GET /unknown HTTP/1.1") + length("5") + request("GET /bytes/2 HTTP/1.1"),
       "404 200 200", "ab"},
      {"ARequestAfterAHead", "9112 9.3.2", request("HEAD /bytes/9 HTTP/1.1") + one, "200 200", "ok",
       "", 1},
      {"ARequestAfterAChunkedBody", "9112 9.3.2", chunked("5\r\nhello\r\n0\r\n\r\n") + one,
       "200 200", "ok"},
      {"ABadRequestAfterAGoodOne", "9112 9.3.2", one + "x\r\n\r\n" + one, "200 400 close"},
      {"AnEmptyLineAfterABody", "9112 2.2", length("5") + "\r\n" + one, "200 200", "ok"},
      {"Close", "9112 9.6", with("Connection: close"), "200 close", "ok", "Connection: close"},
      {"CloseInAList", "9112 9.3", with("Connection: a, Close ,b"), "200 close", "ok",
       "Connection: close"},
      {"CloseInASecondField", "9112 9.3",
       get({"Host: a", "Connection: keep-alive", "Connection: close"}), "200 close", "ok"},
      {"CloseWinsOverKeepAlive", "9112 9.3", with("Connection: close, keep-alive"), "200 close",
       "ok"},
      {"NothingIsAnsweredAfterClose", "9112 9.6", with("Connection: close") + one, "200 close",
       "ok"},
      {"CloseOfAnEcho", "9112 9.6", post({"Content-Length: 5", "Connection: close"}, "hello"),
       "200 close", "hello", "Connection: close"},
      {"AnUnknownOption", "9112 9.3", with("Connection: unknown"), "200", "ok"},
      {"KeepAliveInHttp11", "9112 9.3", with("Connection: keep-alive"), "200", "ok"},
      {"Http10Closes", "9112 9.3", version_1_0({}), "200 close", "ok", "Connection: close"},
      {"Http10KeepsAliveOnRequest", "9112 9.3", version_1_0({"Connection: keep-alive"}), "200",
       "ok", "Connection: keep-alive"},
      {"Http10KeepsAliveInAnyCase", "9112 9.3", version_1_0({"Connection: Keep-Alive"}), "200",
       "ok", "Connection: keep-alive"},
      {"Http10CloseWinsOverKeepAlive", "9112 9.3", version_1_0({"Connection: keep-alive, close"}),
       "200 close", "ok"},
      {"AnEchoInHttp10", "9112 6.2", request("POST /echo HTTP/1.0", {"Content-Length: 5"}, "hello"),
       "200 close", "hello", "Content-Length: 5"},
      {"TheAnswerToHttp10IsHttp11", "9110 6.2", version_1_0({}), "200 close", "ok", "HTTP/1.1 200"},
      {"AProxyConnectionMeansNothing", "9112 C.2.2", version_1_0({"Proxy-Connection: keep-alive"}),
       "200 close", "ok"},
      {"AnErrorCloses", "9112 9.6", get({}) + one, "400 close", "Bad Request", "Connection: close"},
      {"Expect", "9110 10.1.1", expects("100-continue"), "100 200", "hello"},
      {"ExpectInAnyCase", "9110 10.1.1", expects("100-Continue"), "100 200", "hello"},
      {"ExpectOfAChunkedBody", "9110 10.1.1",
       post({"Transfer-Encoding: chunked", "Expect: 100-continue"}, "5\r\nhello\r\n0\r\n\r\n"),
       "100 200", "hello"},
      {"ExpectWithoutABody", "9110 10.1.1",
       request("GET / HTTP/1.1", {"Host: a", "Expect: 100-continue"}), "200", "ok"},
      {"ExpectInHttp10IsIgnored", "9110 10.1.1",
       request("POST /echo HTTP/1.0", {"Content-Length: 5", "Expect: 100-continue"}, "hello"),
       "200 close", "hello"},
      {"AnUnknownExpectation", "9110 10.1.1", expects("200-ok"), "417 close"},
      {"OneUnknownExpectationOfTwo", "9110 10.1.1", expects("100-continue, x=y"), "417 close"},
      {"ExpectOfAnUnknownPath", "9110 10.1.1",
       request("POST /unknown HTTP/1.1", {"Host: a", "Content-Length: 5", "Expect: 100-continue"}),
       "404 close"},
      {"ExpectOfABodyAboveTheLimit", "9110 10.1.1",
       post({"Content-Length: 9999999", "Expect: 100-continue"}, ""), "413 close"},
      {"ExpectOfABodyWithBothFramings", "9110 10.1.1",
       post({"Content-Length: 5", "Transfer-Encoding: chunked", "Expect: 100-continue"}, ""),
       "400 close"},
  };
}

std::vector<WireCase> all_cases() {
  std::vector<WireCase> all;
  for (auto* part : {&request_lines, &targets_and_hosts, &fields, &framings, &chunks,
                     &methods_and_resources, &connections}) {
    auto cases = part();
    std::move(cases.begin(), cases.end(), std::back_inserter(all));
  }
  return all;
}

constexpr std::string_view close_mark = "close";

}  // namespace

const std::vector<WireCase>& wire_cases() {
  static const std::vector<WireCase> cases = all_cases();
  return cases;
}

bool stays_open(const WireCase& each) {
  return !each.expected.ends_with(close_mark);
}

std::string difference(const WireCase& each, std::string_view received) {
  const bool open = stays_open(each);
  std::string expected = each.expected;
  if (!open) expected.resize(expected.size() - close_mark.size());
  while (expected.ends_with(' ')) expected.pop_back();
  const std::string last = expected;
  if (open) expected += expected.empty() ? "200" : " 200";
  const ReadAnswers read = read_answers(received, each.heads);
  if (!read.fault.empty()) return read.fault + " in:\n" + std::string(received);
  if (read.statuses() != expected)
    return "expected " + expected + ", got " + read.statuses() + "\n" + std::string(received);
  if (!read.rest.empty() && !last.empty()) return "more bytes: " + read.rest;
  if (last.empty()) return "";
  const ReadAnswer& answer = read.answers[read.answers.size() - (open ? 2 : 1)];
  if (each.body && answer.body != *each.body)
    return "expected the body " + *each.body + ", got " + answer.body;
  if (answer.head.find(each.field) == std::string::npos)
    return "expected " + each.field + " in:\n" + answer.head;
  return "";
}

}  // namespace tests
