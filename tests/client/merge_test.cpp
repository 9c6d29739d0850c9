// Merging: two halves are the whole, bin for bin, and runs that cannot be merged are refused.
#include "client/report/merge.hpp"

#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <random>
#include <string>

#include "echo/exit_code.hpp"
#include "tests/client/run_by_hand.hpp"

namespace client {
namespace {

namespace json = boost::json;
using std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// `count` echoes into `part` and into `whole`, all different, a few of them censored.
void record(int count, std::uint64_t seed, Measured& part, Measured& whole) {
  std::mt19937_64 random{seed};
  std::lognormal_distribution<double> latency{13, 2};
  for (int i = 0; i < count; ++i) {
    const nanoseconds value{static_cast<std::int64_t>(latency(random))};
    for (Measured* run : {&part, &whole}) {
      run->connect.record(value / 2);
      i % 97 == 0 ? run->echo.record_censored(value) : run->echo.record(value);
      run->wire.record(value);
      run->receive.record(value / 10);
    }
  }
}

std::string at(const json::value& value, const std::string& pointer) {
  return json::serialize(value.at_pointer(pointer));
}

TEST(Merge, TwoHalvesAreTheWholeBinForBin) {
  Measured a;
  Measured b;
  Measured whole;
  record(700, 1, a, whole);
  record(1'300, 2, b, whole);
  const json::value merged = merge({document("a", a), document("b", b)});
  for (const char* which : {"connect", "echo", "wire", "receive_lateness"}) {
    const std::string pointer = std::string("/latency/") + which;
    EXPECT_EQ(at(merged, pointer), at(document("whole", whole).whole(), pointer));
  }
  EXPECT_EQ(at(merged, "/latency/censored"), "22");
  EXPECT_EQ(at(merged, "/latency/lateness"), "null");
}

TEST(Merge, InStepsEqualsMergingAllTogether) {
  Measured parts[3];
  Measured whole;
  for (int i = 0; i < 3; ++i) record(500, static_cast<std::uint64_t>(i), parts[i], whole);
  const RunDocument a = document("a", parts[0]);
  const RunDocument b = document("b", parts[1]);
  const RunDocument c = document("c", parts[2]);
  const json::value together = merge({a, b, c});
  const json::value in_steps = merge({RunDocument("ab", merge({a, b})), c});
  for (const char* same : {"/latency", "/connections", "/echoes", "/phases", "/throughput",
                           "/objectives", "/merged_from"}) {
    EXPECT_EQ(at(in_steps, same), at(together, same));
  }
}

TEST(Merge, SumsCountsAndRatesAndKeepsTheLongestTimes) {
  const json::value merged =
      merge({document("a", {.served = 90, .reset = 10}), document("b", {.served = 200})});
  EXPECT_EQ(at(merged, "/connections"),
            R"({"requested":300,"established":300,"served":290,"max_concurrent":300,"total":300,)"
            R"("open_at_end":0,"slow":2,"reconnects":0,"failed":{"reset":10},)"
            R"("errors":[{"cause":"reset","phase":"echo","errno":104,"count":10}]})");
  EXPECT_EQ(at(merged, "/echoes/late"), "6");
  EXPECT_EQ(at(merged, "/phases/measured"),
            R"({"ns":10000000000,"sent":200,"verified":200,"echoes_within":180,)"
            R"("bytes_within":11520,"connections_within":0})");
  EXPECT_EQ(at(merged, "/phases/warm_up"), "null");
  EXPECT_EQ(at(merged, "/throughput"),
            R"({"echoes_per_s":18,"bytes_per_s":1152,"connects_per_s":null})");
  EXPECT_EQ(at(merged, "/sources"), "4");
}

TEST(Merge, SumsTheRetransmissionsOfTheRunsThatCountedThem) {
  const RunDocument a = document("a", {.served = 90, .retransmitted = 2});
  const RunDocument b = document("b", {.served = 10, .retransmitted = 3});
  const RunDocument uncounted = document("c", {});
  EXPECT_EQ(at(merge({a, b, uncounted}), "/latency/retransmissions"),
            R"({"segments":5,"connections":100})");
  EXPECT_EQ(at(merge({uncounted, document("d", {.time = "2031-01-02T03:04:05Z"})}),
               "/latency/retransmissions"),
            "null");
}

TEST(Merge, TakesRunsOfOneProtocolOnly) {
  const auto of = [](const char* name, const char* protocol) {
    json::object text = document(name, {.served = 10}).object("");
    if (protocol != nullptr) text["protocol"] = protocol;
    text["connections"].as_object()["reconnects"] = 3;
    return RunDocument{name, text};
  };
  const json::value merged = merge({of("a", "http"), of("b", "http")});
  EXPECT_EQ(at(merged, "/protocol"), R"("http")");
  EXPECT_EQ(at(merged, "/connections/reconnects"), "6");
  EXPECT_NE(text_of_merge(merged).find("responses/s"), std::string::npos);
  const json::value old = merge({of("a", "echo"), document("b", {.served = 10})});
  EXPECT_EQ(at(old, "/protocol"), R"("echo")") << "documents of before had no protocol";
  EXPECT_EQ(at(old, "/connections/reconnects"), "3");
  EXPECT_THROW(merge({of("a", "http"), of("b", "echo")}), echo::Exit);
  EXPECT_THROW(merge({of("a", "http"), of("b", nullptr)}), echo::Exit);
  EXPECT_THROW(merge({of("a", "gopher")}), echo::Exit);
}

TEST(Merge, JudgesTheObjectivesAgainOnAllEchoes) {
  Measured a;
  Measured b;
  for (int i = 0; i < 600; ++i) a.echo.record(1ms);
  for (int i = 0; i < 600; ++i) b.echo.record(2ms);
  const json::value merged = merge({document("a", a), document("b", b)});
  EXPECT_EQ(at(merged, "/objectives"),
            R"([{"text":"p99 < 5 ms","verdict":"held","value_ns":2000000}])")
      << "neither half had enough samples for it";
}

TEST(Merge, EndsAsTheWorstRunDid) {
  struct Case {
    int a, b;
    const char* status;
    int code;
  };
  const Case cases[] = {{0, 0, "pass", 0},
                        {0, 1, "fail", 1},
                        {1, 5, "fail", 5},
                        {5, 4, "fail", 5},
                        {130, 7, "interrupted", 130},
                        {0, 3, "fail", 3}};
  for (const Case& each : cases) {
    const json::value merged = merge({document("a", {.served = 1, .exit_code = each.a}),
                                      document("b", {.served = 2, .exit_code = each.b})});
    EXPECT_EQ(merged.at("status"), each.status);
    EXPECT_EQ(merged.at("exit_code"), each.code);
  }
}

TEST(Merge, KeepsTheFiguresOfEachMachineApart) {
  const json::value merged = merge({document("a", {.served = 1}), document("b", {.served = 2})});
  EXPECT_EQ(at(merged, "/memory"), "null");
  EXPECT_EQ(at(merged, "/cpu"), "null");
  EXPECT_EQ(at(merged, "/merged_from/1/file"), "\"b\"");
  EXPECT_EQ(at(merged, "/merged_from/1/cpu/total_ns_per_echo"), "5000");
  EXPECT_EQ(at(merged, "/merged_from/0/labels/machine"), "\"a\"");
  EXPECT_EQ(at(merged, "/labels"), R"({"test":"7"})") << "the labels that all runs share";
  EXPECT_EQ(at(merged, "/warnings/2"), "\"b: something about b\"");
}

TEST(Merge, ReportsWhetherTheRunsOverlapByTheirClocks) {
  struct Case {
    const char* other_time;
    const char* text;
  };
  const Case cases[] = {
      {"2030-01-02T03:04:05Z", "overlap by their clocks"},
      {"2030-01-02T03:04:09Z", "overlap by their clocks"},
      {"2030-01-02T03:04:12Z", "correct only if the runs were made at the same time"},
      {"some day", "correct only if the runs were made at the same time"}};
  for (const Case& each : cases) {
    const json::value merged = merge(
        {document("a", {.served = 1}), document("b", {.served = 2, .time = each.other_time})});
    EXPECT_NE(at(merged, "/warnings/0").find(each.text), std::string::npos) << each.other_time;
  }
}

/// The error line with which `merge` refuses `runs`.
std::string refusal(const std::vector<RunDocument>& runs) {
  try {
    merge(runs);
  } catch (const echo::Exit& error) {
    EXPECT_EQ(error.code(), echo::exit_usage);
    return error.what();
  }
  return "accepted";
}

TEST(Merge, RefusesRunsOfDifferentMeasurements) {
  Measured closed{.served = 1};
  closed.loop = "closed";
  EXPECT_EQ(refusal({document("a", {.served = 1}), document("b", closed)}),
            "b, /latency/loop: \"closed\", but \"open\" in a: these are different measurements");
  EXPECT_EQ(refusal({document("a", {.served = 1}), document("b", {.served = 2}),
                     document("a", {.served = 1})}),
            "a: the same document as a");
}

/// The error line of reading `text` as a client's document.
std::string refused(const std::string& text) {
  try {
    merge({RunDocument("a", json::parse(text))});
  } catch (const echo::Exit& error) {
    EXPECT_EQ(error.code(), echo::exit_usage);
    return error.what();
  }
  return "accepted";
}

TEST(Merge, RefusesForeignAndBrokenDocumentsByFileAndPath) {
  EXPECT_EQ(refused("[]"), "a: not a report of this testbed");
  EXPECT_EQ(refused(R"({"schema": "echo-testbed/2"})"),
            "a, /schema: not echo-testbed/1: another version wrote it");
  EXPECT_EQ(refused(R"({"schema": "echo-testbed/1", "program": "limits"})"),
            "a, /program: not a report of the client");

  Measured run{.served = 1};
  for (int i = 0; i < 3; ++i) run.echo.record(1ms);
  struct Case {
    const char* pointer;
    const char* spoilt;
    const char* text;
  };
  const Case cases[] = {
      {"/latency/echo/bins/0/1", "2", "/latency/echo: not a histogram: the bins hold 2, the count"},
      {"/latency/echo/bins/0", "7", "/latency/echo/bins: not pairs of a lower edge and a count"},
      {"/latency/echo/sum", "null", "/latency/echo/sum: not a count"},
      {"/connections/served", "-1", "/connections/served: not a count"},
      {"/connections/served", "1.5", "/connections/served: not a count"},
      {"/connections/failed", "3", "/connections/failed: not an object"},
      {"/find_rate", "{}", "/find_rate: a search or a calibration cannot be merged"},
      {"/objectives", "null", "/objectives: not an array"},
      {"/warnings", "[1]", "/warnings: not an array of strings"},
  };
  for (const Case& each : cases) {
    json::value spoilt = document("a", run).whole();
    spoilt.at_pointer(each.pointer) = json::parse(each.spoilt);
    const std::string line = refused(json::serialize(spoilt));
    EXPECT_NE(line.find(each.text), std::string::npos) << line;
  }
}

TEST(Merge, TheTextReport) {
  Measured a{.served = 90, .reset = 10, .exit_code = 1};
  Measured b{.served = 200};
  for (int i = 0; i < 1'000; ++i) a.echo.record(1ms);
  for (int i = 0; i < 1'000; ++i) b.echo.record(2ms);
  for (int i = 0; i < 300; ++i) a.connect.record(100us);
  EXPECT_EQ(text_of_merge(merge({document("a", a), document("b", b)})), R"(Max conc: 300
total: 300
conc: 0

merged     2 runs against 127.0.0.1:1234
requested  300: established 300, served 290, failed 10
failed     reset 10
connect    p50 100 us, p99 -, p99.9 -, max 100 us
echo       2,000 echoes, open loop: p50 1 ms, p99 2 ms, p99.9 -, max 2 ms
retransmitted: 0 segments of the clients, on 300 connections
throughput 18 echoes/s, 1,152 B/s, - connects/s, summed
objective  p99 < 5 ms: held
warning    the runs' measured phases overlap by their clocks: rates and max_concurrent are sums
warning    a: something about a
warning    b: something about b
FAIL: 290 of 300 served
)");
}

}  // namespace
}  // namespace client
