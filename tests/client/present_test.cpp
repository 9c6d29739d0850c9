// The text report: whole texts, byte for byte, of results made by hand.
#include "client/report/present.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <sstream>

#include "tests/client/results.hpp"

namespace client {
namespace {

using fixtures::churned;
using fixtures::concluded;
using fixtures::held;
using fixtures::streamed;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// The report without its warnings, which have their own tests.
std::string report(const Result& result) {
  std::istringstream lines(text_of(concluded(result)));
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("warning ")) text += line + "\n";
  }
  return text;
}

TEST(Present, FirstThreeLinesAreTheAncestors) {
  Result result = held();
  result.tally.total = 10'000;
  result.max_concurrent = 9'999;
  result.open_at_end = 1;
  const std::string first_three = "Max conc: 9999\ntotal: 10000\nconc: 1\n";
  EXPECT_EQ(text_of(concluded(result)).substr(0, first_three.size()), first_three);
  result.options.quiet = true;
  EXPECT_EQ(text_of(concluded(result)), first_three) << "nothing else with -q";
}

TEST(Present, TheTextOfAHold) {
  EXPECT_EQ(report(held()), R"(Max conc: 200
total: 200
conc: 0

server     127.0.0.1:1234, process 4711 (echo_threads)
load       hold, burst loop: messages of 64 B, 1 per connection
requested  200: established 200, served 200, failed 0
ramp       200 connections in 20 ms: 10000/s
echoes     200 in 40 ms: 5000/s, 312 KiB/s
CPU        - per echo: client -, server -, softirq -; unattributed -
busy       client - of one processor, server - (busiest thread -)
resident   client - (- B per connection), server - (- B per connection)
kernel     - B per connection, both ends: slab -, stacks -, page tables -, sockets -, machine-wide
machine    - B per connection, both ends: free memory lost

                 p50        p90        p99      p99.9     p99.99        max
connect         1 ms       1 ms          -          -          -       1 ms
echo            2 ms       2 ms          -          -          -       2 ms  burst: time to drain it

PASS: 200 of 200 served
)");
}

TEST(Present, TheTextOfAnOpenLoop) {
  EXPECT_EQ(report(streamed()), R"(Max conc: 4
total: 4
conc: 0

server     127.0.0.1:1234, process 4711 (echo_threads)
load       stream, open loop at 2000/s, Poisson arrivals: messages of 2080 B on average, 16 in flight per connection, 2 threads
requested  4: established 4, served 4, failed 0
ramp       4 connections in 20 ms: 200/s
warm-up    1,999 echoes in 1 s, not in the figures below
echoes     4,000 in 2 s: 2000/s, 3.81 MiB/s; sent 4,007, late 5, unsent 3
CPU        - per echo: client -, server -, softirq -; unattributed -
busy       client - of one processor, server - (busiest thread -)
resident   client - (- B per connection), server - (- B per connection)
kernel     - B per connection, both ends: slab -, stacks -, page tables -, sockets -, machine-wide
machine    - B per connection, both ends: free memory lost

                 p50        p90        p99      p99.9     p99.99        max
connect            -          -          -          -          -       1 ms
echo           50 us      50 us >= 4.01 ms          -          -    >= 10 s  open loop: from the due time
wire           45 us      45 us      45 us          -          -      45 us  from the first byte sent
lateness        3 us       3 us       3 us          -          -       3 us  the client's own delay
receive        20 us          -          -          -          -      20 us  receive lateness: in the client's sockets
retransmitted: 2 segments of the client, on 4 connections
10 messages had no echo; each counts as at least the time it waited

PASS: 4 of 4 served
)");
}

TEST(Present, TheTextOfChurn) {
  EXPECT_EQ(report(churned()), R"(Max conc: 8
total: 20000
conc: 0

server     127.0.0.1:1234, process 4711 (echo_threads)
load       churn, closed loop: messages of 64 B, 2 per connection
requested  20,000: established 20,000, served 20,000, failed 0
churn      20,000 connections in 1 s: 20000/s, at most 8 at once
echoes     40,000 in 1 s: 40000/s, 2.44 MiB/s
CPU        - per echo: client -, server -, softirq -; unattributed -
busy       client - of one processor, server - (busiest thread -)
resident   client - (- B per connection), server - (- B per connection)
kernel     - B per connection, both ends: slab -, stacks -, page tables -, sockets -, machine-wide
TIME_WAIT  - sockets on this machine after the run, - reused by connects

                 p50        p90        p99      p99.9     p99.99        max
connect         1 ms       1 ms       1 ms       1 ms          -       1 ms
echo          100 us     100 us     100 us     100 us          -     100 us  closed loop: server stalls are undercounted

PASS: 20,000 of 20,000 served
)");
}

TEST(Present, UnderHttpTheTextSaysResponses) {
  Result result = streamed();
  result.options.target = {"localhost", 80, 80, "/a?b"};
  result.tally.reconnects = 1'234;
  result.tally.end({Outcome::status_5xx, Phase::echo, 0});
  const std::string text = report(result);
  for (const char* line :
       {": GET /a?b", "\nfailed     status_5xx 1, in response\n",
        "\nreconnects 1,234: the server closed connections before their next request\n",
        "\nresponses  ", " per response: client ", "\nresponse ", " messages had no response; "}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(text.find("echo "), std::string::npos) << text;
  EXPECT_EQ(text.find("echoes"), std::string::npos) << text;
  result.options.target.path.clear();
  result.options.given_protocol = ProtocolName::http;
  EXPECT_NE(report(result).find(": POST /echo, bodies of "), std::string::npos);
}

TEST(Present, TheTextOfFailuresNamesCauseCountPhaseAndErrno) {
  Result result = held();
  result.requested = 1'207;
  Tally& tally = result.tally;
  for (int i = 0; i < 1'000; ++i) tally.end({Outcome::local_limit, Phase::connect, EADDRNOTAVAIL});
  for (int i = 0; i < 2; ++i) tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  for (int i = 0; i < 3; ++i) {
    tally.end({Outcome::timeout, Phase::echo, 0});
    tally.measured.latency.record_censored(seconds{10});
  }
  for (int i = 0; i < 2; ++i) tally.end({Outcome::foreign, Phase::echo, 0});
  tally.first_mismatch =
      FirstMismatch{7, 1, {33, std::byte{0x0f}, std::byte{0xf0}, echo::MessageId{8, 2}}};
  tally.late_resets = 1;
  EXPECT_EQ(report(result), R"(Max conc: 200
total: 200
conc: 0

server     127.0.0.1:1234, process 4711 (echo_threads)
load       hold, burst loop: messages of 64 B, 1 per connection
requested  1,207: established 200, served 200, failed 1,007
failed     local_limit 1,000, in connect (Cannot assign requested address)
failed     reset 2, in echo (Connection reset by peer)
failed     timeout 3, in echo
failed     foreign 2, in echo
mismatch   connection 7, message 1, offset 33: expected 0x0f, got 0xf0, a byte of connection 8, message 2
ramp       200 connections in 20 ms: 10000/s
echoes     200 in 40 ms: 5000/s, 312 KiB/s
CPU        - per echo: client -, server -, softirq -; unattributed -
busy       client - of one processor, server - (busiest thread -)
resident   client - (- B per connection), server - (- B per connection)
kernel     - B per connection, both ends: slab -, stacks -, page tables -, sockets -, machine-wide
machine    - B per connection, both ends: free memory lost

                 p50        p90        p99      p99.9     p99.99        max
connect         1 ms       1 ms          -          -          -       1 ms
echo            2 ms       2 ms          -          -          -    >= 10 s  burst: time to drain it
3 messages had no echo; each counts as at least the time it waited

FAIL: 200 of 1,207 served
)");
}

TEST(Present, WithoutAConnectionShowsNoMeasurements) {
  Result result;
  result.options.connections = result.requested = 3;
  result.target = echo::resolve("127.0.0.1", 1234).front();
  result.server_name = "-";
  for (int i = 0; i < 3; ++i) result.tally.end({Outcome::refused, Phase::connect, ECONNREFUSED});
  EXPECT_EQ(report(result), R"(Max conc: 0
total: 0
conc: 0

server     127.0.0.1:1234, process -
load       hold, burst loop: messages of 64 B, 1 per connection
requested  3: established 0, served 0, failed 3
failed     refused 3, in connect (Connection refused)
FAIL: nothing could connect to 127.0.0.1:1234
)");
}

TEST(Present, TheOwnerOfAForeignByteHasARank) {
  Result result = held();
  result.options.share = {1, 3};
  result.tally.first_mismatch =
      FirstMismatch{7, 1, {33, std::byte{0x0f}, std::byte{0xf0}, echo::MessageId{8, 2}}};
  EXPECT_THAT(report(result), ::testing::HasSubstr("a byte of connection 8, message 2, rank 2\n"));
}

TEST(Present, TheLoadLineNamesWhatIsUnusual) {
  struct Row {
    const char* what;
    void (*set)(Options&);
    const char* line;
  };
  const Row rows[] = {
      {"hold", [](Options&) {}, "hold, burst loop: messages of 64 B, 1 per connection"},
      {"several messages", [](Options& o) { o.messages = 20'000; },
       "hold, burst loop: messages of 64 B, 20,000 per connection"},
      {"a text", [](Options& o) { o.data = "hello"; },
       "hold, burst loop: messages of 5 B, 1 per connection"},
      {"open", [](Options& o) { o.rate = 2.5; },
       "hold, open loop at 2.5/s: messages of 64 B, 1 per connection"},
      {"stream", [](Options& o) { o.mode = Mode::stream; },
       "stream, closed loop: messages of 64 B"},
      {"depth and threads",
       [](Options& o) {
         o.mode = Mode::stream;
         o.depth = 4;
         o.threads = 3;
       },
       "stream, closed loop: messages of 64 B, 4 in flight per connection, 3 threads"},
      {"churn", [](Options& o) { o.mode = Mode::churn; },
       "churn, closed loop: messages of 64 B, 1 per connection"},
      {"a share",
       [](Options& o) {
         o.share = {1, 4};
       },
       "hold, burst loop: messages of 64 B, 1 per connection, share 1/4"},
  };
  for (const Row& row : rows) {
    Result result = held();
    row.set(result.options);
    const std::string text = text_of(concluded(result));
    EXPECT_NE(text.find("\nload       " + std::string(row.line) + "\n"), std::string::npos)
        << row.what << ":\n"
        << text;
  }
}

TEST(Present, MessagesThatTimedOutAreShownAsAtLeast) {
  Result result = held();
  fixtures::record(result.tally.measured.latency, 2'000, milliseconds{2});
  for (int i = 0; i < 100; ++i) result.tally.measured.latency.record_censored(seconds{10});
  const std::string text = text_of(concluded(result));
  EXPECT_NE(text.find("\necho            2 ms       2 ms    >= 10 s"), std::string::npos) << text;
  EXPECT_NE(text.find("100 messages had no echo"), std::string::npos) << text;
}

TEST(Present, NoPercentileWithFewerThanTenSamplesAboveIt) {
  Result result = held();
  result.tally.connect = {};
  fixtures::record(result.tally.connect, 19, milliseconds{1});
  const std::string text = text_of(concluded(result));
  EXPECT_NE(
      text.find("\nconnect            -          -          -          -          -       1 ms"),
      std::string::npos)
      << text;
}

TEST(Present, SeveralRoundsAreListed) {
  Result result = held();
  result.rounds = {{100, 0, 5'000.4, 2U << 20U, 250}, {99, 1, 10'000, {}, {}}};
  const std::string text = text_of(concluded(result));
  EXPECT_NE(text.find("\nround 1    served 100, failed 0, 5000 echoes/s; "
                      "server resident 2 MiB, TIME_WAIT 250 on this machine\n"
                      "round 2    served 99, failed 1, 10000 echoes/s; server resident -\n"),
            std::string::npos)
      << text;
}

TEST(Present, ListsObjectivesAndTheVerdictNamesThoseNotHeld) {
  Result result = held();
  const Objective objective = Objective::parse("p50<5ms,p99.9<5ms,max<1ms");
  result.judgements = objective.judge(result.tally.measured.latency);
  const std::string text = text_of(concluded(result));
  for (const Judgement& judgement : result.judgements) {
    EXPECT_NE(text.find("\nobjective  " + text_of(judgement) + "\n"), std::string::npos) << text;
  }
  EXPECT_TRUE(text.ends_with("\nFAIL: 200 of 200 served; " + text_of(result.judgements[1]) + "; " +
                             text_of(result.judgements[2]) + "\n"))
      << text;
}

TEST(Present, TheLastLineIsTheVerdict) {
  struct Row {
    StopReason stop_reason;
    int signal;
    Outcome ended;
    std::uint64_t established;
    void (*set)(Options&);
    const char* line;
  };
  const auto nothing = [](Options&) {};
  const Row rows[] = {
      {StopReason::none, 0, Outcome::served, 1, nothing, "PASS: 1 of 1 served"},
      {StopReason::none, 0, Outcome::short_echo, 1, nothing, "FAIL: 0 of 1 served"},
      {StopReason::none, 0, Outcome::short_echo, 1, [](Options& o) { o.max_errors = 1; },
       "PASS: 0 of 1 served"},
      {StopReason::none, 0, Outcome::served, 1, [](Options& o) { o.require_conc = 1'000; },
       "FAIL: 1 of 1 served; max conc 200, required 1,000"},
      {StopReason::none, 0, Outcome::refused, 0, nothing,
       "FAIL: nothing could connect to 127.0.0.1:1234"},
      {StopReason::deadline, 0, Outcome::deadline, 1, nothing,
       "DEADLINE after 100 ms: 0 of 1 served"},
      {StopReason::interrupted, SIGINT, Outcome::interrupted, 1, nothing,
       "INTERRUPTED: 0 of 1 served"},
      {StopReason::server_lost, 0, Outcome::server_lost, 1, nothing,
       "FAIL: the server was lost; 0 of 1 served"},
  };
  for (const Row& row : rows) {
    Result result = held();
    result.requested = 1;
    result.tally = {};
    result.tally.established = row.established;
    result.tally.end({row.ended, Phase::echo, 0});
    result.stop_reason = row.stop_reason;
    result.signal = row.signal;
    row.set(result.options);
    const std::string text = text_of(concluded(result));
    EXPECT_TRUE(text.ends_with(std::string("\n") + row.line + "\n")) << text;
  }
}

}  // namespace
}  // namespace client
