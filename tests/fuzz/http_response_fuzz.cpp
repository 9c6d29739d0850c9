// libFuzzer on the client's half of HTTP: any bytes as responses, cut anywhere, to any requests.
//
// The first four bytes choose the requests and the cuts; the others are received, once in one read
// and once cut. Both must have the same result, at the same response, and keep no more than the
// state of one connection.
//
//   build-asan/tests/http_response_fuzz -max_total_time=3600 -dict=tests/fuzz/http.dict
//       CORPUS tests/fuzz/corpus/http_response      (one line; CORPUS keeps what is found)
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include "client/connection/http_exchange.hpp"

namespace {

using client::IoResult;
using Bytes = std::span<const std::byte>;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

client::HttpRequest request_of(unsigned choice) {
  client::HttpRequest request = (choice & 1U) != 0 ? client::HttpRequest::echo("h", {})
                                                   : client::HttpRequest::get("/", "h", {});
  if ((choice & 2U) != 0) request.expected_status = 404;
  if ((choice & 4U) != 0 && !request.has_body()) request.expected_body = "hello";
  return request;
}

/// What came of the responses.
struct Came {
  IoResult::Kind kind = IoResult::Kind::waiting;
  client::Outcome outcome = client::Outcome::served;
  std::uint32_t answered = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const Came&, const Came&) = default;
};

/// `messages` requests are in flight; `cuts` are the ends of the reads.
Came came_of(const client::HttpRequest& request, std::uint32_t messages, Bytes bytes,
             const std::vector<std::size_t>& cuts) {
  const client::MessageSizes sizes{5};
  const echo::Payload payload = echo::Payload::text("hello");
  client::HttpExchange exchange{request, payload, sizes};
  client::Connection connection;
  connection.begun = connection.writing = messages;
  Came came;
  const auto add = [&](const IoResult& io) {
    came.kind = io.kind;
    came.outcome = io.outcome;
    for (std::uint32_t i = connection.echoed - io.echoes; i != connection.echoed; ++i)
      came.bytes += exchange.verified_bytes(connection, i);
    require(exchange.parts() <= 1, "more state than one connection needs");
  };
  std::size_t from = 0;
  for (const std::size_t to : cuts) {
    const std::size_t end = std::min(to, bytes.size());
    if (end <= from || came.kind == IoResult::Kind::failed) break;
    if (came.kind == IoResult::Kind::closes) {  // more on a connection that is over
      came.kind = IoResult::Kind::failed;
      came.outcome = client::Outcome::extra;
      break;
    }
    add(exchange.take(connection, bytes.subspan(from, end - from)));
    from = end;
  }
  if (came.kind == IoResult::Kind::waiting) add(exchange.take_end(connection));
  came.answered = connection.echoed;
  if (const auto& mismatch = exchange.mismatch()) came.offset = mismatch->offset;
  require(came.answered <= messages, "more responses than requests");
  return came;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t choices = 4;
  if (size < choices) return 0;
  const client::HttpRequest request = request_of(data[0]);
  const std::uint32_t messages = data[0] >> 4U;
  const Bytes bytes = std::as_bytes(std::span(data, size)).subspan(choices);
  std::vector<std::size_t> cuts;
  unsigned seed = data[1];
  for (std::size_t at = 0; at < bytes.size(); cuts.push_back(at)) {
    seed = seed * 1103515245U + 12345U;
    at += 1 + (seed >> 16U) % (data[2] + 1U);
  }
  const Came whole = came_of(request, messages, bytes, {bytes.size()});
  require(whole == came_of(request, messages, bytes, cuts), "the results differ");
  return 0;
}
