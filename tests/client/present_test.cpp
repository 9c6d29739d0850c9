// The report as a person reads it: whole texts, byte for byte, of results made by hand.
#include "client/present.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <csignal>

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// 200 connections, each established in 1 ms and echoed in 2 ms; nothing of memory and CPU was
/// read.
Result served() {
  Result result;
  result.options.connections = 200;
  result.target = echo::resolve("127.0.0.1", 1234).front();
  result.server_name = "4711 (echo_threads)";
  result.ramp = milliseconds{20};
  result.echo = milliseconds{40};
  result.whole = milliseconds{100};
  Tally& tally = result.tally;
  tally.established = tally.total = tally.max_concurrent = tally.sent = tally.verified = 200;
  tally.bytes_verified = 200 * 64;
  for (int i = 0; i < 200; ++i) {
    tally.connect.record(milliseconds{1});
    tally.echo.record(milliseconds{2});
    tally.end({Outcome::served, Phase::drain, 0});
  }
  return result;
}

TEST(Present, FirstThreeLinesAreTheAncestors) {
  Result result = served();
  result.options.connections = result.tally.total = 10'000;
  result.tally.max_concurrent = 9'999;
  const std::string first_three = "Max conc: 9999\ntotal: 10000\nconc: 0\n";
  EXPECT_EQ(text_of(result).substr(0, first_three.size()), first_three);
  result.options.quiet = true;
  EXPECT_EQ(text_of(result), first_three) << "and with -q there is nothing else";
}

TEST(Present, TheTextOfAPass) {
  EXPECT_EQ(text_of(served()), R"(Max conc: 200
total: 200
conc: 0

server     127.0.0.1:1234, process 4711 (echo_threads)
requested  200: established 200, served 200, failed 0
connect    all in 20 ms (10000/s): p50 1 ms, p99 -, max 1 ms
echo       200 echoes of 64 B, a burst drained in 40 ms: p50 2 ms, p99 -, max 2 ms
CPU        - an echo: client -, server -, softirq -; unattributed -
resident   client - (- B a connection), server - (- B a connection)
kernel     - B a connection, both ends: slab -, stacks -, page tables -, sockets -
machine    - B a connection, both ends: free memory lost in all
PASS: 200 of 200 served
)");
}

TEST(Present, TheTextOfFailuresNamesCauseCountPhaseAndErrno) {
  Result result = served();
  result.options.connections = 1'207;
  Tally& tally = result.tally;
  for (int i = 0; i < 1'000; ++i) tally.end({Outcome::local_limit, Phase::connect, EADDRNOTAVAIL});
  for (int i = 0; i < 2; ++i) tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  for (int i = 0; i < 3; ++i) {
    tally.end({Outcome::timeout, Phase::echo, 0});
    tally.echo.record_censored(seconds{10});
  }
  for (int i = 0; i < 2; ++i) tally.end({Outcome::foreign, Phase::echo, 0});
  tally.first_mismatch =
      FirstMismatch{7, 1, {33, std::byte{0x0f}, std::byte{0xf0}, echo::MessageId{8, 2}}};
  tally.late_resets = 1;
  EXPECT_EQ(text_of(result), R"(Max conc: 200
total: 200
conc: 0

server     127.0.0.1:1234, process 4711 (echo_threads)
requested  1,207: established 200, served 200, failed 1,007
failed     local_limit 1,000, in connect (Cannot assign requested address)
failed     reset 2, in echo (Connection reset by peer)
failed     timeout 3, in echo
failed     foreign 2, in echo
mismatch   connection 7, message 1, offset 33: expected 0x0f, got 0xf0, a byte of connection 8, message 2
connect    all in 20 ms (10000/s): p50 1 ms, p99 -, max 1 ms
echo       200 echoes of 64 B, a burst drained in 40 ms: p50 2 ms, p99 -, max >= 10 s
CPU        - an echo: client -, server -, softirq -; unattributed -
resident   client - (- B a connection), server - (- B a connection)
kernel     - B a connection, both ends: slab -, stacks -, page tables -, sockets -
machine    - B a connection, both ends: free memory lost in all
warning    late_reset: 1 connections were reset after their last echo; they count as served
warning    local_limit: this machine ran out (see errno); `limits -n 1207` names what, and the command
FAIL: 200 of 1,207 served
)");
}

TEST(Present, WhatTimedOutIsToldAsAtLeast) {
  Result result = served();
  for (int i = 0; i < 2'000; ++i) result.tally.echo.record(milliseconds{2});
  for (int i = 0; i < 100; ++i) result.tally.echo.record_censored(seconds{10});
  const std::string text = text_of(result);
  EXPECT_NE(text.find("p50 2 ms, p99 >= 10 s, max >= 10 s"), std::string::npos) << text;
}

TEST(Present, NoPercentileWithFewerThanTenSamplesAboveIt) {
  Result result = served();
  result.tally.connect = {};
  for (int i = 0; i < 19; ++i) result.tally.connect.record(milliseconds{1});
  const std::string text = text_of(result);
  EXPECT_NE(text.find("p50 -, p99 -, max 1 ms"), std::string::npos) << text;
}

TEST(Present, TheLastLineIsTheVerdict) {
  struct Row {
    Cut cut;
    int signal;
    Outcome ended;
    std::uint64_t established;
    const char* line;
  };
  const Row rows[] = {
      {Cut::none, 0, Outcome::served, 1, "PASS: 1 of 1 served\n"},
      {Cut::none, 0, Outcome::short_echo, 1, "FAIL: 0 of 1 served\n"},
      {Cut::none, 0, Outcome::refused, 0, "FAIL: nothing could connect to 127.0.0.1:1234\n"},
      {Cut::deadline, 0, Outcome::deadline, 1, "DEADLINE after 100 ms: 0 of 1 served\n"},
      {Cut::interrupted, SIGINT, Outcome::interrupted, 1, "INTERRUPTED: 0 of 1 served\n"},
      {Cut::server_lost, 0, Outcome::server_lost, 1, "FAIL: the server was lost; 0 of 1 served\n"},
  };
  for (const Row& row : rows) {
    Result result = served();
    result.options.connections = 1;
    result.tally = {};
    result.tally.established = row.established;
    result.tally.end({row.ended, Phase::echo, 0});
    result.cut = row.cut;
    result.signal = row.signal;
    const std::string text = text_of(result);
    EXPECT_TRUE(text.ends_with(std::string("\n") + row.line)) << text;
  }
}

TEST(Present, TheDocumentSaysTheSameAndUnknownIsNull) {
  Result result = served();
  result.tally.end({Outcome::reset, Phase::connect, ECONNRESET});
  result.tally.end({Outcome::reset, Phase::echo, ECONNRESET});
  const boost::json::value document = boost::json::parse(boost::json::serialize(json_of(result)));
  const auto at = [&document](const char* pointer) {
    return boost::json::serialize(document.at_pointer(pointer));
  };
  EXPECT_EQ(at("/schema"), "\"echo-testbed/1\"");
  EXPECT_EQ(at("/status"), "\"fail\"");
  EXPECT_EQ(at("/exit_code"), "1");
  EXPECT_EQ(at("/connections/served"), "200");
  EXPECT_EQ(at("/connections/failed"), R"({"reset":2})") << "one bucket, whatever the phase";
  EXPECT_EQ(at("/connections/errors"),
            R"([{"cause":"reset","phase":"connect","errno":104,"count":1},)"
            R"({"cause":"reset","phase":"echo","errno":104,"count":1}])");
  EXPECT_EQ(at("/echoes/first_mismatch"), "null");
  EXPECT_EQ(at("/latency/loop"), "\"burst\"");
  EXPECT_EQ(at("/latency/wire"), "null");
  EXPECT_EQ(at("/latency/echo/percentiles/99.99"), "null");
  EXPECT_EQ(at("/memory/server"), "null");
  EXPECT_EQ(at("/memory/client/rss"), "null");
  EXPECT_EQ(at("/cpu/total_ns_per_echo"), "null");
  EXPECT_EQ(at("/kernel/listen_drops"), "null");
  EXPECT_EQ(at("/throughput/echoes_per_s"), "5E3");
}

}  // namespace
}  // namespace client
