// HTTP servers that lie, stall, or close connections as they please: each fault has its name, and
// none costs the client memory.
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/faults/client.hpp"
#include "tests/faults/liar.hpp"

namespace faults {
namespace {

std::string url(const Liar& server) {
  return "http://" + server.target() + "/";
}

/// The next request without a body; "" at the end of the connection.
std::string request_of(Peer& peer) {
  std::string request;
  while (!request.ends_with("\r\n\r\n")) {
    const Bytes byte = peer.receive(1);
    if (byte.empty()) return "";
    request += static_cast<char>(byte.front());
  }
  return request;
}

bool say(Peer& peer, std::string_view text) {
  return peer.send(bytes_of(text));
}

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view last_ok =
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
constexpr std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Answers each request until the client's FIN.
void serve(Peer& peer) {
  while (!request_of(peer).empty() && say(peer, ok)) {
  }
}

struct HttpLie {
  const char* name;
  void (*script)(Peer&);
  const char* bucket;
};

std::ostream& operator<<(std::ostream& out, const HttpLie& lie) {
  return out << lie.name;
}

template <const char* text>
void answer_with(Peer& peer) {
  request_of(peer);
  say(peer, text);
  peer.await_fin();
}

constexpr char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
constexpr char unavailable[] = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
constexpr char moved[] = "HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
constexpr char two_lengths[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello";
constexpr char length_and_chunks[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
constexpr char rubbish[] = "220 mail.example ready\r\n";
constexpr char twice[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    "hello";
constexpr char changed[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellO";
constexpr char longer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello!";
constexpr char shorter[] = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell";

const HttpLie http_lies[] = {
    {"NotFound", answer_with<not_found>, "status_4xx"},
    {"Unavailable", answer_with<unavailable>, "status_5xx"},
    {"Moved", answer_with<moved>, "status_other"},
    {"TwoLengths", answer_with<two_lengths>, "parse_error"},
    {"LengthAndChunks", answer_with<length_and_chunks>, "parse_error"},
    {"AnotherProtocol", answer_with<rubbish>, "parse_error"},
    {"AnsweredTwice", answer_with<twice>, "extra"},
    {"ChangedByte", answer_with<changed>, "mismatch"},
    {"LongerBody", answer_with<longer>, "extra"},
    {"ShorterBody", answer_with<shorter>, "short"},
    {"FinBeforeTheResponse", [](Peer& peer) { request_of(peer); }, "closed_early"},
    {"FinWithinTheHead",
     [](Peer& peer) {
       request_of(peer);
       say(peer, ok.substr(0, 20));
     },
     "short"},
    {"FinWithinTheBody",
     [](Peer& peer) {
       request_of(peer);
       say(peer, ok.substr(0, ok.size() - 1));
     },
     "short"},
    {"ResetBeforeTheResponse",
     [](Peer& peer) {
       request_of(peer);
       peer.reset();
     },
     "reset"},
    {"Silence", [](Peer& peer) { peer.await_fin(); }, "timeout"},
};

class HttpLies : public ::testing::TestWithParam<HttpLie> {};

TEST_P(HttpLies, AreFoundOnTheConnectionThatCarriedThem) {
  const HttpLie& lie = GetParam();
  Liar server{[&lie](Peer& peer) { peer.index == 1 ? lie.script(peer) : serve(peer); }};
  const Report report =
      run_client(url(server), {"-n", "4", "--expect-body", "hello", "--timeout", "2s"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.served(), 3U);
  EXPECT_EQ(report.failed(), (Buckets{{lie.bucket, 1}}));
}

INSTANTIATE_TEST_SUITE_P(Lies, HttpLies, ::testing::ValuesIn(http_lies),
                         [](const auto& info) { return info.param.name; });

TEST(HttpResponses, AreServedInEveryForm) {
  Liar server{[](Peer& peer) {
    request_of(peer);
    switch (peer.index % 5) {
      case 0:
        say(peer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n");
        say(peer, ok);
        break;
      case 1:
        say(peer, chunked);
        say(peer, "2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: z\r\n\r\n");
        break;
      case 2:
        say(peer, "HTTP/1.0 200 OK\r\n\r\nhello");  // until FIN
        return;
      case 3:
        for (const char c : ok) say(peer, {&c, 1});
        break;
      default:
        say(peer, last_ok);
        return;
    }
    peer.await_fin();
  }};
  const Report report = run_client(url(server), {"-n", "10", "--expect-body", "hello"});
  EXPECT_EQ(report.code, 0) << report.out;
  EXPECT_EQ(report.served(), 10U);
  EXPECT_EQ(report.count("/echoes/bytes_verified"), 50U);
  EXPECT_EQ(report.document.at("protocol").as_string(), "http");
}

// The memory of the client does not depend on what a server sends: it keeps nothing of a response.
TEST(HttpResponses, WithoutAnEndCostNoMemory) {
  struct Row {
    std::string_view start, again;
    const char* bucket;
  };
  for (const Row& row :
       {Row{"HTTP/1.1 200 OK\r\n", "X-Filler: 0123456789012345678901234567890123456789\r\n",
            "parse_error"},
        Row{"HTTP/1.1 200 OK\r\nX: ", "0123456789012345678901234567890123456789", "parse_error"},
        Row{"", "HTTP/1.1 100 Continue\r\nX-Filler: 0123456789\r\n\r\n", "parse_error"},
        Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
            "0123456789012345678901234567890123456789", "parse_error"},
        Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
            "X-Trailer: 0123456789012345678901234567890\r\n", "parse_error"},
        Row{"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
            "0123456789012345678901234567890123456789", "timeout"},
        Row{"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", "x",
            "parse_error"}}) {
    Liar server{[&row](Peer& peer) {
      std::string piece;
      while (piece.size() < 64U << 10U) piece += row.again;
      request_of(peer);
      if (!say(peer, row.start)) return;
      while (say(peer, piece)) {
      }
    }};
    const Report report = run_client(url(server), {"-n", "20", "--timeout", "500ms"});
    EXPECT_EQ(report.code, 1);
    EXPECT_EQ(report.failed(), (Buckets{{row.bucket, 20}})) << row.start << row.again;
#if !defined(TESTBED_SANITIZES_ADDRESS) && !defined(TESTBED_SANITIZES_THREAD)
    EXPECT_LT(report.count("/memory/client/peak_rss"), 24U << 20U) << row.start << row.again;
#endif
  }
}

// As nginx does after keepalive_requests, in the middle of a stream.
TEST(HttpConnections, ThatTheServerClosesAfterAResponseAreOpenedAgain) {
  for (const char* depth : {"1", "4"}) {
    std::atomic<unsigned> sockets = 0;
    Liar server{[&sockets](Peer& peer) {
      ++sockets;
      for (int i = 0; i < 3 && !request_of(peer).empty(); ++i) say(peer, i < 2 ? ok : last_ok);
    }};
    const Report report = run_client(url(server), {"-n", "4", "--mode", "stream", "-m", "20",
                                                   "--depth", depth, "--expect-body", "hello"});
    EXPECT_EQ(report.code, 0) << depth << report.out;
    EXPECT_EQ(report.served(), 4U);
    EXPECT_EQ(report.count("/echoes/verified"), 80U);
    EXPECT_EQ(report.count("/connections/total"), 4U);
    EXPECT_EQ(report.count("/connections/reconnects"), 4U * 6) << "20 messages, 3 on each socket";
    EXPECT_EQ(sockets, 4U * 7);
    EXPECT_LE(report.count("/connections/max_concurrent"), 4U);
  }
}

// Without "Connection: close": a FIN between two requests of an open loop.
TEST(HttpConnections, ThatTheServerClosesWhileTheyRestAreOpenedAgain) {
  Liar server{[](Peer& peer) {
    request_of(peer);
    say(peer, ok);
    peer.pause(milliseconds{1});
  }};
  const Report report =
      run_client(url(server), {"-n", "2", "--mode", "stream", "-R", "20", "-d", "1s"});
  EXPECT_EQ(report.code, 0) << report.out;
  EXPECT_EQ(report.count("/phases/measured/verified"), 20U);
  EXPECT_GE(report.count("/connections/reconnects"), 16U);
}

// As a keep-alive timeout does during a long ramp, or before the first message of an open loop.
TEST(HttpConnections, ThatTheServerClosesBeforeTheirFirstRequestAreOpenedAgain) {
  struct Row {
    std::vector<std::string> arguments;
    std::uint64_t closed;  ///< index of the connection, whose first message is due after 0.5 s
  };
  const Row rows[] = {{{"-n", "3", "--connect-rate", "2"}, 0},
                      {{"-n", "2", "--mode", "stream", "-R", "2", "-d", "1500ms"}, 1}};
  for (const Row& row : rows) {
    for (const bool with_reset : {false, true}) {
      Liar server{[&row, with_reset](Peer& peer) {
        if (peer.index != row.closed) return serve(peer);
        peer.pause(milliseconds{200});  // a RST at once may come before the end of the connect
        if (with_reset) peer.reset();
      }};
      const Report report = run_client(url(server), row.arguments);
      EXPECT_EQ(report.code, 0) << with_reset << report.out;
      EXPECT_EQ(report.failed(), Buckets{});
      EXPECT_EQ(report.count("/connections/reconnects"), 1U);
    }
  }
}

TEST(HttpServer, ThatClosesEachConnectionBeforeARequestIsNotTriedForEver) {
  const std::vector<std::string> rows[] = {{"-n", "3", "--connect-rate", "8"},
                                           {"-n", "3", "--mode", "stream", "-d", "1s"},
                                           {"-n", "3", "--mode", "stream", "-R", "20", "-d", "1s"}};
  for (const auto& arguments : rows) {
    Liar server{[](Peer&) {}};
    const Report report = run_client(url(server), arguments);
    EXPECT_EQ(report.code, 1);
    EXPECT_EQ(report.served(), 0U);
    std::uint64_t failed = 0;
    for (const auto& [bucket, count] : report.failed()) {
      EXPECT_TRUE(bucket == "closed_early" || bucket == "reset") << bucket;
      failed += count;
    }
    EXPECT_EQ(failed, 3U);
    EXPECT_LE(report.count("/connections/reconnects"), 3U) << "one for each connection at most";
  }
}

TEST(HttpConnections, ThatCloseAsARequestGoesOutAreStale) {
  for (const bool with_reset : {false, true}) {
    Liar server{[with_reset](Peer& peer) {
      request_of(peer);
      say(peer, ok);
      request_of(peer);  // it has crossed the server's close on its way
      if (with_reset) peer.reset();
    }};
    const Report report =
        run_client(url(server), {"-n", "3", "--mode", "stream", "-m", "5", "--timeout", "5s"});
    EXPECT_EQ(report.code, 1);
    EXPECT_EQ(report.failed(), (Buckets{{"stale_connection", 3}})) << with_reset;
    EXPECT_EQ(report.count("/echoes/verified"), 3U) << "their good responses stay counted";
  }
}

// The part is read after the failed send: the client is stopped while both come.
TEST(HttpConnections, ThatAreResetWithinAResponseAreNotStale) {
  std::atomic<bool> reading = false, stopped = false, gone = false;
  Liar server{[&](Peer& peer) {
    const auto head = [&peer] { return request_of(peer); };
    head();
    const Bytes body = peer.receive(16U << 20U);
    say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n");
    peer.send(body);
    head();
    reading = true;
    while (!stopped && peer.pause(milliseconds{1})) {
    }
    say(peer, "HTTP/1.1 2");
    peer.reset();
    gone = true;
  }};
  Program client = start_client(server.target(), {"--protocol", "http", "-n", "1", "-m", "2", "-s",
                                                  "16M", "--timeout", "30s"});
  ASSERT_TRUE(eventually([&] { return reading.load(); }));
  std::this_thread::sleep_for(milliseconds{200});  // until its send waits for room
  client.stop();
  stopped = true;
  EXPECT_TRUE(eventually([&] { return gone.load(); }));
  client.signal(SIGCONT);
  const Report report = report_of(client);
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"reset", 1}}));
}

TEST(HttpConnections, ThatTheServerClosesBeforeTheirPlanIsCompleteSaySo) {
  Liar closing{[](Peer& peer) {
    request_of(peer);
    say(peer, last_ok);
  }};
  const Report churn =
      run_client(url(closing), {"-n", "2", "--mode", "churn", "-m", "3", "-d", "300ms"});
  EXPECT_EQ(churn.code, 1);
  EXPECT_EQ(churn.served(), 0U);
  EXPECT_EQ(churn.failed().size(), 1U);
  EXPECT_GE(churn.failed()["closed_by_server"], 2U);
  EXPECT_TRUE(churn.warns("use a smaller -m"));
  const Report one = run_client(url(closing), {"-n", "2", "--mode", "churn", "-d", "300ms"});
  EXPECT_EQ(one.code, 0) << one.out;

  // A keep-alive timeout that is shorter than the idle time.
  Liar impatient{[](Peer& peer) {
    request_of(peer);
    say(peer, ok);
    peer.pause(milliseconds{300});
  }};
  const Report hold = run_client(url(impatient), {"-n", "3", "-d", "1h"});
  EXPECT_EQ(hold.code, 1);
  EXPECT_EQ(hold.failed_by_phase(), (Buckets{{"closed_by_server idle", 3}}));
}

TEST(HttpConnections, OfRequestsWithConnectionCloseCarryOneRequestEach) {
  std::atomic<unsigned> sockets = 0;
  Liar server{[&sockets](Peer& peer) {
    ++sockets;
    serve(peer);  // its responses have no Connection: close
  }};
  const Report report = run_client(
      url(server), {"-n", "2", "--mode", "stream", "-m", "3", "--header", "connection: x, Close"});
  EXPECT_EQ(report.code, 0) << report.out;
  EXPECT_EQ(report.count("/echoes/verified"), 6U);
  EXPECT_EQ(report.count("/connections/reconnects"), 4U);
  EXPECT_EQ(sockets, 6U);
}

TEST(HttpServer, ThatIsLostWhileConnectionsRestIsReported) {
  std::atomic<unsigned> answered = 0;
  std::optional<Liar> server{std::in_place, [&answered](Peer& peer) {
                               request_of(peer);
                               say(peer, ok);
                               ++answered;
                             }};
  Program client = start_client(
      url(*server), {"-n", "2", "--mode", "stream", "-R", "4", "-d", "1h", "--progress", "never"});
  ASSERT_TRUE(eventually([&] { return answered >= 2; }));
  server.reset();
  const Report report = report_of(client);
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"server_lost", 2}}));
}

TEST(HttpServer, ThatRefusesALargeBodyIsHeard) {
  Liar server{[](Peer& peer) {
    peer.receive(1'000);
    say(peer, "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    peer.pause(milliseconds{100});  // then RST: most of the body is unread
  }};
  const Report report = run_client(server.target(), {"--protocol", "http", "-n", "3", "-s", "16M"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.failed(), (Buckets{{"status_4xx", 3}}));
}

TEST(HttpBodies, AreVerifiedAgainstTheirConnectionAndMessage) {
  const auto body_of = [](Peer& peer) {
    request_of(peer);
    return peer.receive(64);
  };
  const auto answer = [](Peer& peer, const Bytes& body) {
    say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n");
    peer.send(body);
  };
  Liar server{[&](Peer& peer) {
    const Bytes first = body_of(peer);
    answer(peer, first);
    const Bytes second = body_of(peer);
    answer(peer, peer.index == 1 ? first : second);
    peer.await_fin();
  }};
  const Report report = run_client(server.target(), {"--protocol", "http", "-n", "3", "-m", "2"});
  EXPECT_EQ(report.code, 1);
  EXPECT_EQ(report.served(), 2U);
  EXPECT_EQ(report.failed(), (Buckets{{"foreign", 1}}));
  EXPECT_EQ(report.count("/echoes/first_mismatch/connection"), 1U);
  EXPECT_EQ(report.count("/echoes/first_mismatch/message"), 1U);
  EXPECT_EQ(report.count("/echoes/first_mismatch/owner/message"), 0U);
}

TEST(HttpServer, ThatIsAnEchoServerIsNamed) {
  Liar server{honest};
  const Report report = run_client(url(server), {"-n", "2"});
  EXPECT_EQ(report.failed(), (Buckets{{"parse_error", 2}}));
  EXPECT_TRUE(report.warns("`client " + server.target() + "` loads it"));
  EXPECT_TRUE(report.warns("parse_error: the first, on connection"));
}

// Bug: a wrong response of an HTTP server was told as "it does not speak HTTP/1.1".
TEST(HttpServer, WithAWrongResponseIsNotSaidToSpeakAnotherProtocol) {
  struct Row {
    void (*script)(Peer&);
    const char* bucket;
  };
  for (const Row& row :
       {Row{answer_with<longer>, "extra"}, Row{answer_with<two_lengths>, "parse_error"}}) {
    Liar server{row.script};
    const Report report = run_client(url(server), {"-n", "2", "--expect-body", "hello"});
    EXPECT_EQ(report.failed(), (Buckets{{row.bucket, 2}}));
    EXPECT_FALSE(report.warns("does not speak HTTP/1.1")) << report.out;
  }
  Liar mail{answer_with<rubbish>};
  EXPECT_TRUE(run_client(url(mail), {"-n", "2"}).warns("a server of SMTP or FTP"));
}

TEST(HttpServer, UnderTheEchoProtocolIsNamedWithTheCommand) {
  Liar server{answer_with<not_found>};
  EXPECT_TRUE(run_client(server.target(), {"--data", "GET / HTTP/1.1\r\n\r\n", "-n", "2"})
                  .warns("`client http://" + server.target() + "/` loads it"));
}

TEST(HttpProgress, CallsThePhaseOfResponsesByTheirName) {
  Liar server{serve};
  const Report report = run_client(
      url(server), {"-n", "2", "--mode", "stream", "-R", "20", "-d", "2s", "--progress", "always"});
  EXPECT_NE(report.err.find("response connected 2 of 2"), std::string::npos) << report.err;
}

TEST(HttpRequests, HaveTheHostTheHeadersAndThePathOfTheCommandLine) {
  std::mutex mutex;
  std::string seen;
  Liar server{[&](Peer& peer) {
    const std::string request = request_of(peer);
    say(peer, ok);
    const std::lock_guard lock(mutex);
    seen = request;
  }};
  const Report report = run_client(url(server) + "a%20b?c=d",
                                   {"-n", "1", "--header", "X-One: 1", "--header", "X-Two:2"});
  EXPECT_EQ(report.code, 0);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(seen, "GET /a%20b?c=d HTTP/1.1\r\nHost: " + server.target() +
                      "\r\nX-One: 1\r\nX-Two: 2\r\n\r\n");
}

}  // namespace
}  // namespace faults
