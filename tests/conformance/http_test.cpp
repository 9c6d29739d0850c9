// HTTP over sockets, on a model of each family of I/O: the table of wire cases, and what only a
// connection shows: a lingering close, timeouts, RST, and bodies larger than all buffers.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/http/http_protocol.hpp"
#include "tests/conformance/every_model.hpp"
#include "tests/protocol/wire_cases.hpp"

namespace conformance {
namespace {

using namespace std::chrono_literals;
using tests::WireCase;

const std::string get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// What was received, and how the connection ended.
struct Received {
  std::string bytes;
  End end = End::silence;
};

/// Sends all of `bytes` and receives until `is_enough`, the end of the connection, or the time
/// limit. It sends no more than the socket takes while it receives, so that no size blocks it.
Received exchange(const Peer& peer, std::string_view bytes,
                  const std::function<bool(std::string_view)>& is_enough) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  Received received;
  std::string piece(65536, ' ');
  while (!is_enough(received.bytes) && std::chrono::steady_clock::now() < deadline) {
    pollfd ready{peer.fd(), static_cast<short>(bytes.empty() ? POLLIN : POLLIN | POLLOUT), 0};
    ::poll(&ready, 1, 100);
    if ((ready.revents & POLLOUT) != 0 && !bytes.empty()) {
      const ssize_t sent =
          ::send(peer.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      if (sent < 0 && errno != EAGAIN) bytes = {};  // what has arrived is still to be received
    }
    if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
    const ssize_t got = ::recv(peer.fd(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) continue;
    if (got == 0) received.end = End::fin;
    if (got < 0) received.end = End::reset;
    if (got <= 0) break;
    received.bytes.append(piece, 0, static_cast<std::size_t>(got));
  }
  return received;
}

bool until_the_end(std::string_view /*received*/) {
  return false;
}

/// True as soon as the answers are `count`.
std::function<bool(std::string_view)> until_answers(std::size_t count, std::size_t heads = 0) {
  return [count, heads](std::string_view received) {
    return tests::read_answers(received, heads).answers.size() >= count;
  };
}

class Http : public EveryModel {
 protected:
  /// With a --max-body of the table.
  Harness& serve_http(protocol::HttpSettings settings = {},
                      const server::ServerOptions& options = loopback()) {
    settings.buffer_size = options.buffer_size;
    settings.max_body = tests::wire_cases_max_body;
    http_ = std::make_unique<protocol::HttpProtocol>(settings);
    Harness& server = listen(options);
    server.use_protocol(*http_);
    server.serve();
    return server;
  }
  void TearDown() override {
    EveryModel::TearDown();
    http_.reset();
  }

 private:
  std::unique_ptr<protocol::HttpProtocol> http_;
};

/// One of each family: its connections are served by code that no other family has.
std::vector<const server::Model*> families() {
  std::vector<const server::Model*> models;
  for (const char* name :
       {"thread-per-connection", "fork-per-connection", "pool-shared-queue", "callbacks",
        "coroutines", "stackful", "shared-context", "nested-epoll", "select", "io-uring"})
    models.push_back(&model_named(name));
  return models;
}
INSTANTIATE_TEST_SUITE_P(Families, Http, ::testing::ValuesIn(families()), name_of_model);

std::string fault_of(const Peer& peer, const WireCase& each) {
  const bool open = tests::stays_open(each);
  std::string sent = each.sent;
  if (open) sent += tests::probe;
  const auto spaces = std::count(each.expected.begin(), each.expected.end(), ' ');
  const auto statuses = static_cast<std::size_t>(spaces) + (each.expected.empty() ? 0 : 1);
  const Received received = open ? exchange(peer, sent, until_answers(statuses + 1, each.heads))
                                 : exchange(peer, sent, until_the_end);
  if (!open && received.end != End::fin) return received.end == End::reset ? "reset" : "not closed";
  return difference(each, received.bytes);
}

TEST_P(Http, AnswersEachWireCaseAsTheRfcSays) {
  Harness& server = serve_http();
  std::uint64_t answered = 0;
  for (const WireCase& each : tests::wire_cases()) {
    Peer peer = connect();
    ASSERT_EQ(fault_of(peer, each), "") << each.name << ", RFC " << each.section;
    for (std::size_t at = 0; (at = each.expected.find_first_of("2345", at)) != std::string::npos;
         at += 3)
      ++answered;
    answered += tests::stays_open(each) ? 1 : 0;
  }
  EXPECT_TRUE(eventually([&] { return server.counters().messages() == answered; }))
      << server.counters().messages() << " messages, " << answered << " answers";
}

TEST_P(Http, APeerThatStillSendsReceivesTheWholeAnswerToABadRequest) {
  serve_http();
  Peer peer = connect();
  const Received received = exchange(peer, "bad\r\n" + std::string(1 << 20, 'x'), until_the_end);
  EXPECT_EQ(received.end, End::fin);
  EXPECT_EQ(tests::read_answers(received.bytes).statuses(), "400");
}

TEST_P(Http, ARequestThatIsNotWholeInTimeIsAnsweredWith408) {
  protocol::HttpSettings settings;
  settings.request_timeout = 200ms;
  serve_http(settings);
  Peer peer = connect();
  ASSERT_EQ(tests::read_answers(exchange(peer, get, until_answers(1)).bytes).statuses(), "200");
  const auto begun = std::chrono::steady_clock::now();
  const Received received = exchange(peer, get.substr(0, 20), until_the_end);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 200ms);
  EXPECT_EQ(tests::read_answers(received.bytes).statuses(), "408");
  EXPECT_EQ(received.end, End::fin);
}

TEST_P(Http, ALingeringCloseEndsThoughThePeerDoesNot) {
  protocol::HttpSettings settings;
  settings.linger_time = 300ms;
  serve_http(settings);
  Peer peer = connect();
  const Received received = exchange(peer, "bad\r\n", until_the_end);
  EXPECT_EQ(received.end, End::fin);
  EXPECT_TRUE(open_becomes(0));
}

TEST_P(Http, APeerThatRequestsTheCloseAndSendsMoreReceivesTheWholeAnswer) {
  serve_http();
  Peer peer = connect();
  const std::string request = "GET /bytes/300000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  const Received received = exchange(peer, request + std::string(5000, 'x'), until_the_end);
  EXPECT_EQ(received.end, End::fin);
  const tests::ReadAnswers read = tests::read_answers(received.bytes);
  ASSERT_EQ(read.statuses(), "200");
  EXPECT_EQ(read.answers[0].body.size(), 300000U);
}

TEST_P(Http, TheTimeOfALingeringCloseBeginsWhenTheAnswerIsSent) {
  server::ServerOptions options = with_small_send_buffers();
  options.buffer_size = 30'000;  // lies on the stacks of some models
  protocol::HttpSettings settings;
  settings.close = protocol::HttpClose::announced;
  settings.linger_time = 50ms;
  serve_http(settings, options);
  Peer peer = connect(Buffers::small);
  ASSERT_TRUE(peer.send(
      std::as_bytes(std::span{std::string_view{"GET /bytes/29500 HTTP/1.1\r\nHost: a\r\n\r\n"}})));
  ::poll(nullptr, 0, 1000);  // the peer reads late: longer than the time and a scan for deadlines
  const Received received = exchange(peer, {}, until_the_end);
  EXPECT_EQ(received.end, End::fin);
  const tests::ReadAnswers read = tests::read_answers(received.bytes);
  ASSERT_EQ(read.statuses(), "200") << received.bytes.size() << " bytes";
  EXPECT_EQ(read.answers[0].body.size(), 29500U);
}

TEST_P(Http, AResetAfterEachResponseIsOne) {
  protocol::HttpSettings settings;
  settings.close = protocol::HttpClose::reset;
  serve_http(settings);
  Peer peer = connect();
  EXPECT_EQ(exchange(peer, get, until_the_end).end, End::reset);
  EXPECT_TRUE(open_becomes(0));
}

TEST_P(Http, ABodyOfTenMebibytesIsThePattern) {
  serve_http();
  Peer peer = connect();
  constexpr std::size_t size = 10 << 20;
  const std::string request = "GET /bytes/" + std::to_string(size) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  // Read once, at the end: reading the answers anew with each piece would take too long.
  const Received received =
      exchange(peer, request, [](std::string_view bytes) { return bytes.size() > size + 100; });
  const tests::ReadAnswers read = tests::read_answers(received.bytes);
  ASSERT_EQ(read.statuses(), "200");
  const std::string& body = read.answers[0].body;
  ASSERT_EQ(body.size(), size);
  for (std::size_t at = 0; at < size; ++at) {
    if (body[at] != static_cast<char>('a' + at % 26)) FAIL() << at;
  }
}

TEST_P(Http, AChunkedEchoLargerThanAllBuffersIsWhole) {
  Harness& server = serve_http({}, with_small_send_buffers());
  Peer peer = connect(Buffers::small);
  std::string body;
  std::string sent = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int number = 0; number < 1000; ++number) {
    const std::string chunk = std::to_string(number) + std::string(997, 'x') + "\r\n";
    body += chunk;
    sent += "3e" +
            std::string(number < 10    ? "8"
                        : number < 100 ? "9"
                                       : "a") +
            "\r\n" + chunk + "\r\n";
  }
  sent += "0\r\n\r\n";
  const Received received =
      exchange(peer, sent, [](std::string_view bytes) { return bytes.ends_with("\r\n0\r\n\r\n"); });
  const tests::ReadAnswers read = tests::read_answers(received.bytes);
  ASSERT_EQ(read.statuses(), "200") << received.bytes.size();
  EXPECT_EQ(read.answers[0].body, body);
  EXPECT_TRUE(eventually([&] { return server.counters().messages() == 1; }));
}

TEST_P(Http, PipelinedRequestsOfAPeerThatReadsLateAreAllAnswered) {
  serve_http({}, with_small_send_buffers());
  Peer peer = connect(Buffers::small);
  std::string many;
  for (int number = 0; number < 5000; ++number) many += get;
  const std::size_t size = exchange(peer, get, until_answers(1)).bytes.size();
  const Received received =
      exchange(peer, many, [size](std::string_view bytes) { return bytes.size() >= 5000 * size; });
  EXPECT_EQ(tests::read_answers(received.bytes).answers.size(), 5000U);
}

}  // namespace
}  // namespace conformance
